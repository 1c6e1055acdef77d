"""The gate does not cry wolf, and finds what is there: counted over 100 paired bootstraps of the test samples."""

import numpy as np
import pytest
from run_folders import write_run

from compressor.comparing.compared_run import run_at
from compressor.comparing.condition import parse_condition
from compressor.comparing.run_comparison import comparison_of
from compressor.measure.kept_scores import read_scores

GATE = "accuracy < -0.2pt or size > +2%"
BOOTSTRAPS = 100


def two_models(samples, accuracy=0.95, disagree=0.04, drop=0.0, seed=0):
    """The right samples of two models, which agree on most; `drop` is how much less the second is right."""
    draw = np.random.default_rng(seed)
    first = draw.random(samples) < accuracy
    lost = draw.random(samples) < (disagree / 2 + drop / 2) / accuracy
    gained = draw.random(samples) < (disagree / 2 - drop / 2) / (1 - accuracy)
    return first, np.where(first, ~lost, gained)


def alarms(folder, first, second, swap, seeds=(0, 0), samples=None):
    """How many of the bootstraps fail the gate.

    With `swap`, chance says of each sample which model is the baseline, so that neither is better.
    """
    draw, condition, count = np.random.default_rng(0), parse_condition(GATE), 0
    for place in range(BOOTSTRAPS):
        drawn = draw.integers(0, len(first), samples or len(first))
        before, after = first[drawn], second[drawn]
        if swap:
            swapped = draw.random(len(drawn)) < 0.5
            before, after = np.where(swapped, after, before), np.where(swapped, before, after)
        runs = [
            run_at(write_run(folder / f"{place}{name}", rows, seed=seed), side)
            for side, (name, rows, seed) in enumerate((("a", before, seeds[0]), ("b", after, seeds[1])))
        ]
        count += comparison_of(runs, [condition]).failed
    return count


def test_two_models_that_are_as_good_raise_few_alarms(tmp_path):
    assert alarms(tmp_path, *two_models(2_000), swap=True) <= 7


def test_a_drop_of_a_point_is_found_with_enough_samples(tmp_path):
    models = two_models(20_000, drop=0.01)
    assert alarms(tmp_path / "many", *models, swap=False, samples=10_000) >= 95
    assert alarms(tmp_path / "few", *models, swap=False, samples=200) <= 15


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    """The folders of two runs of one recipe, with the seeds 0 and 1, trained on 2,000 real digits."""
    from importlib.resources import as_file, files

    import compressor

    folder = tmp_path_factory.mktemp("seeds")
    with as_file(files("compressor_plugins.datasets.data").joinpath("mnist.npz")) as path, np.load(path) as digits:
        train = {name: digits[name][:2_000] for name in ("x_train", "y_train")}
        np.savez(folder / "digits.npz", **train, x_test=digits["x_test"], y_test=digits["y_test"])
    recipe = {
        "version": 1,
        "model": {"source": "mnist_cnn", "train": {"epochs": 8, "learning_rate": 5e-3, "decay": "cosine"}},
        "data": {"source": str(folder / "digits.npz")},
        "steps": [{"uses": "ptq"}],
    }
    return [
        compressor.apply(recipe, output=folder / str(seed), seed=seed, cache=folder / "cache")[1] for seed in (0, 1)
    ]


def rows_of(folder):
    return read_scores(folder / "scores.npz").metrics["accuracy"]


@pytest.mark.long
def test_two_seeds_of_one_recipe_do_not_fail_the_gate(seeds, tmp_path):
    condition = parse_condition(GATE)
    for pair in (seeds, seeds[::-1]):
        comparison = comparison_of([run_at(folder, place) for place, folder in enumerate(pair)], [condition])
        assert not comparison.failed
        (change,) = comparison.changes[0]
        assert (change.test, change.samples, change.only_seed) == ("McNemar's test", 10_000, True)
    first, second = map(rows_of, seeds)
    assert 0.85 < first.mean() < 0.99
    assert not np.array_equal(first, second)
    assert alarms(tmp_path / "there", first, second, swap=False, seeds=(0, 1)) <= 7
    assert alarms(tmp_path / "back", second, first, swap=False, seeds=(1, 0)) <= 7


@pytest.mark.long
def test_the_test_on_samples_alone_keeps_to_its_level_on_real_models(seeds, tmp_path):
    assert alarms(tmp_path, *map(rows_of, seeds), swap=True) <= 7


@pytest.mark.long
def test_a_drop_of_a_point_that_is_planted_into_a_real_model_is_found(seeds, tmp_path):
    first = rows_of(seeds[0])
    draw, second = np.random.default_rng(1), first.copy()
    second[draw.choice(np.flatnonzero(first), 150, replace=False)] = False
    second[draw.choice(np.flatnonzero(~first), 50, replace=False)] = True
    assert second.mean() == pytest.approx(first.mean() - 0.01)
    assert alarms(tmp_path, first, second, swap=False) >= 95
