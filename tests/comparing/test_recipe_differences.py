"""Where two recipes differ is told by the paths of their values."""

import json

import pytest
from run_folders import right

from compressor.comparing.compared_run import run_at
from compressor.comparing.recipe_differences import recipe_differences
from compressor.comparing.run_comparison import as_data, comparison_of

RECIPE = {
    "name": "one",
    "model": {"source": "mnist_cnn", "train": {"epochs": 10}},
    "steps": [{"id": "prune", "uses": "prune", "with": {"final_sparsity": 0.8}}, {"uses": "ptq", "with": {}}],
}


def changed(**changes):
    return {**RECIPE, "name": "two", **changes}


@pytest.mark.parametrize(
    ("other", "text"),
    [
        (changed(), ""),
        (changed(model={"source": "mnist_cnn", "train": {"epochs": 12}}), "model.train.epochs (10, 12)"),
        (changed(threads=4, data=None), "threads (none, 4)"),
        (changed(steps=[{"uses": "prune", "with": {"final_sparsity": 0.9}}, {"uses": "ptq", "with": {"io": "int8"}}]),
         "steps.prune.id (prune, none), steps.prune.with.final_sparsity (0.8, 0.9), steps.ptq.with.io (none, int8)"),
        (changed(constraints={"max_size": "20 kB", "stages": {}}), "constraints.max_size (none, 20 kB)"),
        (changed(steps=[{"uses": "ptq"}]), "steps (prune -> ptq, ptq)"),
        (changed(steps=[]), "steps (prune -> ptq, none)"),
        (changed(model={str(key): key for key in range(9)}),
         "model.source (mnist_cnn, none), model.train.epochs (10, none), model.0 (none, 0), model.1 (none, 1), "
         "model.2 (none, 2), model.3 (none, 3) and 5 more"),
    ],
)  # fmt: skip
def test_the_values_that_differ_are_told(made, other, text):
    runs = [made("a", right(90, 100)), made("b", right(90, 100))]
    for folder, recipe in zip(runs, (RECIPE, other), strict=True):
        lock = (folder / "lock.yaml").read_text().replace('{name: "prune_qat"}', json.dumps(recipe))
        (folder / "lock.yaml").write_text(lock)
    first, second = (run_at(path, place) for place, path in enumerate(runs))
    assert recipe_differences(first, second) == text
    comparison = comparison_of([first, second])
    assert comparison.titles[1].removeprefix(second.title) == (f" · other than A in {text}" if text else "")
    assert as_data(comparison)["recipe_differences"] == ([{"run": "B", "text": text}] if text else [])


def test_a_run_without_a_lock_tells_nothing_of_its_recipe(made):
    runs = [run_at(made("a", right(90, 100)), 0), run_at(made("b", right(90, 100), lock=False), 1)]
    assert recipe_differences(*runs) == ""
