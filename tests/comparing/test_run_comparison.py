"""Runs side by side: what is compared, what is unfair, and what is wrong with a folder."""

import json

import numpy as np
import pytest
from run_folders import metric, right
from scipy import stats

from compressor.base.errors import CompressorError
from compressor.base.outgoing import json_text
from compressor.comparing.compared_run import letter, run_at
from compressor.comparing.comparison_cells import change_lines, metric_table
from compressor.comparing.condition import ConditionError, parse_condition
from compressor.comparing.run_comparison import as_data, comparison_of


def compared(*paths, conditions=()):
    runs = [run_at(path, place) for place, path in enumerate(paths)]
    return comparison_of(runs, [parse_condition(text) for text in conditions])


def test_two_runs_of_one_recipe_and_seed_are_compared_fairly_sample_by_sample(made):
    comparison = compared(made("a", right(9_820)), made("b", right(9_815)))
    assert comparison.warnings == ()
    (change,) = comparison.changes[0]
    assert change.verdict == "within noise"
    assert change.test_text == "McNemar's test on the same 10,000 samples, p = 0.062"


def test_a_report_alone_is_compared_by_intervals_and_says_what_is_not_known(made, tmp_path):
    made("a", right(9_820))
    baseline = tmp_path / "kept" / "baseline.json"
    baseline.parent.mkdir()
    baseline.write_bytes((tmp_path / "a" / "report.json").read_bytes())
    why = f"there is no {tmp_path / 'kept' / 'scores.npz'}"
    comparison = compared(baseline, made("b", right(9_815)))
    assert comparison.warnings == (f"whether A and B have the same test samples is not known: {why}",)
    assert comparison.changes[0][0].test == "the 95 % intervals"
    (tmp_path / "kept" / "scores.npz").write_bytes((tmp_path / "a" / "scores.npz").read_bytes())
    comparison = compared(baseline, tmp_path / "b")
    assert comparison.warnings == ()
    assert comparison.changes[0][0].test == "McNemar's test"


def test_scores_of_another_run_are_not_taken_for_those_of_the_report(made, tmp_path):
    first, second = made("a", right(9_820)), made("b", right(9_700))
    (second / "scores.npz").write_bytes((first / "scores.npz").read_bytes())
    (change,) = compared(first, second).changes[0]
    assert change.why_unpaired == f"{second / 'scores.npz'} is not of the same run as the report"


def test_resampled_scores_of_another_run_are_not_taken_for_those_of_the_report(made):
    row = {"share": False, "higher_is_better": False}
    kept = {"rmse": np.random.default_rng(0).normal(0.30, 0.01, 500)}
    runs = [
        made(
            name, right(90, 100), kept=kept, metrics={"rmse": metric(value=low + 0.02, low=low, high=low + 0.04, **row)}
        )
        for name, low in (("a", 0.28), ("b", 0.31))
    ]
    change = compared(*runs).changes[0][1]
    assert change.why_unpaired == f"{runs[1] / 'scores.npz'} is not of the same run as the report"


@pytest.mark.parametrize("drawn", [[1 - 1e-16] * 500, [1.0] * 499 + [0.0], [np.nan] * 500])
def test_resampled_scores_that_hardly_vary_are_those_of_the_report(made, drawn):
    row = metric(value=1.0, low=1.0, high=1.0)
    runs = [made(name, right(90, 100), kept={"f1": np.array(drawn)}, metrics={"f1": row}) for name in ("a", "b")]
    assert [change.test for change in compared(*runs).changes[0]] == ["McNemar's test", "a paired bootstrap"]


def test_what_is_drawn_from_the_samples_is_no_preparation(made):
    expects = {
        "name": "",
        "dtype": "uint8",
        "shape": [2],
        "steps": ["times 1/255"],
        "fed_shape": [2],
        "low": 0,
        "high": 1,
    }
    first = made("a", right(90, 100), expects=[expects])
    assert compared(first, made("b", right(90, 100), expects=[expects | {"high": 0.9}])).warnings == ()
    told = ("A and B take samples that were prepared otherwise",)
    assert compared(first, made("c", right(90, 100), expects=[expects | {"steps": []}])).warnings == told


def test_a_metric_that_means_something_else_is_told_and_not_held_against_a_limit(made):
    first = made("a", right(90, 100))
    other = made("b", right(90, 100), metrics={"accuracy": metric(right(90, 100), share=False)})
    assert compared(first, other).warnings == (
        "accuracy is another metric in each of A and B: a share, or better when higher, in only one of them",
    )
    with pytest.raises(ConditionError) as error:
        compared(first, other, conditions=["accuracy < -0.2pt"])
    assert str(error.value).startswith(
        "--fail-if: 'accuracy' is a share in some of the runs alone; name another metric\n"
    )


def test_everything_unfair_is_said(made):
    first = made("a", right(9_820))
    other = made(
        "b", right(4_900, 5_000), test="c" * 64, train="d" * 64, data="fashion_mnist", seed=3, smoke=True,
        versions={"compressor": "0.1.0", "tensorflow": "2.20.0", "extra": "1"}, machine="Linux aarch64", threads=8,
        samples={"train": 54_000, "validation": 6_000, "test": 5_000}, environment={"instructions": "sve"},
    )  # fmt: skip
    assert compared(first, other).warnings == (
        "B is a smoke run: a few samples and steps, so its figures mean nothing",
        "other data: A has mnist, B has fashion_mnist",
        "other test samples: A has 10,000, B has 5,000",
        "other train samples: A and B have as many, and not the same ones",
        "other seed: 0 and 3, so chance in training is part of the difference between A and B; "
        "runs with --seeds 5 tell how much",
        "other versions: extra none and 1, tensorflow 2.21.0 and 2.20.0",
        "other threads: 2 and 8",
        "computed otherwise: instructions none and sve",
        "other machines: Linux x86_64 and Linux aarch64, whose latencies cannot be compared",
    )


def test_metrics_that_only_one_run_has_are_named(made):
    row = json.loads((made("a", right(90, 100)) / "report.json").read_text())["stages"][0]["metrics"]["accuracy"]
    first, other = made("b", right(90, 100)), made("c", right(90, 100), metrics={"top5": row})
    assert compared(first, other).warnings == ("A was not measured by top5",)
    assert compared(other, first).warnings == ("B was not measured by top5",)
    assert compared(first, other).metrics == ["accuracy", "top5"]


def test_a_file_that_disagrees_with_its_model_is_told(made):
    agreement = {"largest": 0.9, "same_class": 0.1, "signal_to_noise": 0.3, "least": 19.0}
    comparison = compared(made("a", right(90, 100)), made("b", right(90, 100), agreement=agreement))
    assert comparison.warnings == (
        "B: do not use this model: after 'ptq' the file disagrees with the model that it was made of: same decision in "
        "10.00 % of the samples, signal to noise 0.3 dB where its precision explains 19.0 dB",
    )


def test_a_metric_that_is_not_a_number_is_told_in_every_form(made):
    runs = (
        made("a", right(90, 100)),
        made("b", right(90, 100), metrics={"accuracy": metric(value=float("nan"), low=0.0, high=1.0)}),
    )
    comparison = compared(*runs)
    assert list(change_lines(comparison)) == [("B against A: accuracy is not a number", False)]
    *_, difference, verdict = metric_table("accuracy", comparison)
    assert (difference.cells[1].text, verdict.cells[1].text) == ("-", "not a number")
    (change,) = json.loads(json_text(as_data(comparison)))["changes"]
    assert (change["difference"], change["better"], change["p_value"], change["test"]) == (None, None, None, "no test")


def test_json_has_the_figures_the_changes_and_the_gate(made, tmp_path):
    runs = made("a", right(9_820)), made("b", right(9_769), bytes=30_000)
    data = json.loads(json.dumps(as_data(compared(*runs, conditions=["accuracy < -0.2pt or size > +2%"]))))
    assert [run["name"] for run in data["runs"]] == [str(tmp_path / "a"), str(tmp_path / "b")]
    figures = {"size": 30_000, "gzip_size": 7_260, "packed_size": None, "unpacked_size": 30_000, "sparsity": 0.816}
    figures |= {"latency": 36e-6, "float_operators": 0, "parameters": 20_410, "test_samples": 10_000, "seeds": [0]}
    assert figures.items() <= data["runs"][1].items()
    (change,) = data["changes"]
    assert change["p_value"] < 1e-9
    assert {**change, "difference": round(change["difference"], 9), "p_value": 0} == {
        "run": "B", "metric": "accuracy", "difference": -0.0051, "better": False, "p_value": 0, "within_noise": False,
        "test": "McNemar's test", "same_samples": 10_000, "why_unpaired": None, "only_seed_differs": False,
    }  # fmt: skip
    (gate,) = data["gate"]
    assert (gate["run"], gate["failed"], data["failed"]) == ("B", True, True)
    assert [finding["counts"] for finding in gate["findings"]] == [True, True]


def test_three_runs_are_each_compared_with_the_first(made):
    comparison = compared(made("a", right(80, 100)), made("b", right(80, 100)), made("c", right(50, 100)))
    assert [change.verdict for (change,) in comparison.changes] == ["within noise", "worse"]
    assert [letter(place) for place in (0, 25, 26)] == ["A", "Z", "27"]


def of_seeds(made, name, *counts):
    (folder := made(name, right(counts[0])).parent / f"{name} seeds").mkdir()
    for seed, count in enumerate(counts):
        made(f"{name} seeds/seed-{seed}", right(count), seed=seed, train=str(seed) * 64, bytes=20_000 + seed)
    return folder


def test_several_seeds_are_compared_by_their_means_and_spread(made):
    first, other = of_seeds(made, "a", 9_800, 9_820, 9_840), of_seeds(made, "b", 9_790, 9_810, 9_830)
    comparison = compared(first, other)
    assert comparison.warnings == ()
    assert comparison.runs[0].title == "prune_qat · mnist_cnn on mnist · 3 seeds, means · after 'ptq'"
    assert comparison.runs[0].last.bytes == 20_001
    row = comparison.runs[0].last.metrics["accuracy"]
    assert (row.value, row.high - row.value) == (pytest.approx(0.982), pytest.approx(0.00497, abs=1e-5))
    (change,) = comparison.changes[0]
    assert change.difference == pytest.approx(-0.001)
    expected = stats.ttest_ind([0.98, 0.982, 0.984], [0.979, 0.981, 0.983]).pvalue
    assert change.change.p_value == pytest.approx(expected)
    assert change.test_text == "Student's t-test over 3 and 3 seeds, p = 0.57"


def test_a_run_is_held_against_the_spread_of_several_seeds(made):
    first = of_seeds(made, "a", 9_800, 9_810, 9_820)
    within, beyond = made("b", right(9_790), seed=7), made("c", right(9_700), seed=7)
    comparison = compared(first, within, beyond, conditions=["accuracy < -0.1pt"])
    assert [change.verdict for (change,) in comparison.changes] == ["within noise", "worse"]
    assert [gate.failed for gate in comparison.gates] == [False, True]
    assert comparison.gates[1].text == (
        "accuracy -1.10 pt to 97.00 %, beyond the limit -0.1pt, beyond noise by "
        "Student's t-test over 3 and 1 seeds, p = 0.011"
    )
    assert as_data(comparison)["runs"][0]["seeds"] == [0, 1, 2]


def test_where_no_seed_differs_from_another_the_intervals_decide(made):
    comparison = compared(of_seeds(made, "a", 9_800, 9_800), of_seeds(made, "b", 9_790, 9_790), made("c", right(9_600)))
    small, large = (changes[0] for changes in comparison.changes)
    assert [change.verdict for change in (small, large)] == ["within noise", "worse"]
    assert (small.test, small.why_unpaired) == ("the 95 % intervals", "no seed differs from another")
    assert small.difference == pytest.approx(-0.001)
    x = stats.norm.sf(0.001 / ((0.98 * 0.02 + 0.979 * 0.021) / 10_000) ** 0.5) * 2
    assert small.change.p_value == pytest.approx(x, abs=0.005)


def test_a_folder_with_one_seed_is_that_run(made):
    (change,) = compared(of_seeds(made, "a", 9_800), made("b", right(9_790))).changes[0]
    assert change.test == "McNemar's test"


def test_seeds_of_two_recipes_are_told(made, tmp_path):
    folder = of_seeds(made, "a", 9_800, 9_800)
    made("a seeds/seed-2", right(9_800), seed=2, recipe="other")
    with pytest.raises(CompressorError) as error:
        run_at(folder, 0)
    assert str(error.value) == f"the runs in {folder} are not of one recipe; name one of the folders in it"


def test_seeds_that_are_there_twice_or_not_done_are_told(made, tmp_path):
    folder = of_seeds(made, "a", 9_800, 9_810)
    (folder / "seed-2" / "stages").mkdir(parents=True)
    title = "prune_qat · mnist_cnn on mnist · 2 of 3 seeds, the others are not done, means · after 'ptq'"
    assert run_at(folder, 0).title == title
    made("a seeds/seed-3", right(9_800), seed=1)
    with pytest.raises(CompressorError) as error:
        run_at(folder, 0)
    assert str(error.value) == f"two of the runs in {folder} have the same seed; remove one of them"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is damaged, or no JSON (EOF while parsing a value at line 1 column 0); name the folder of a run"),
        ("{}", "is no report of a run; name the folder of a run, or its report.json"),
        (
            '{"schema_version": 2}',
            "has schema_version 2, and this version of compressor reads 1; use the version that wrote it, or a "
            "later one",
        ),
    ],
)
def test_a_file_that_is_no_report_is_told(tmp_path, text, why):
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises(CompressorError) as error:
        run_at(path, 0)
    assert str(error.value) == f"{path} {why}"


def test_a_folder_that_is_no_finished_run_is_told(tmp_path):
    def why(path):
        with pytest.raises(CompressorError) as error:
            run_at(path, 0)
        return str(error.value).replace(str(tmp_path), "")

    assert why(tmp_path / "no") == "there is no run or file /no; check the path"
    assert why(tmp_path) == "there is no report.json in ; name the folder of a run that is done"
    (tmp_path / "seed-0").mkdir()
    assert why(tmp_path) == "the run in  is not done; wait for it, or give its command again"
    (tmp_path / "stages").mkdir()
    assert why(tmp_path) == "the run in  is not done; wait for it, or give its command again"
