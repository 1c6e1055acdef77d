"""Searches for tests of what is shown of them: twelve trials, seven of them on the front."""

from pathlib import Path

from made_reports import made_report

from compressor.recipe.document import RecipeText
from compressor.recipe.load import read_tree
from compressor.recipe.objectives import Goal
from compressor.recipe.search_space import space_of
from compressor.search.front import FrontPoint
from compressor.search.search_result import SearchResult
from compressor.search.trial_record import TrialRecord, front_of

TEXT = """\
version: 1
model: {source: m}
data: {source: d}
training: {learning_rate: {search: {low: 1e-4, high: 1e-2, log: true}}}
steps:
  - {uses: prune, optional: true, with: {final_sparsity: {search: {low: 0.5, high: 0.9}}}}
  - {uses: ptq, with: {precision: {search: [int8, float16]}}}
"""
SPACE = space_of(read_tree(RecipeText("r", TEXT))[0])
GOALS = (
    Goal("size", False, lambda _: None, "{:,.0f} B".format),
    Goal("accuracy", True, lambda _: None, "{:.2%}".format),
)
SPARSITY, PRECISION = "steps.prune.with.final_sparsity", "steps.ptq.with.precision"


def trial(number):
    """Fewer weights take fewer bytes and cost accuracy; every third trial does not prune, and trial 6 fails."""
    pruned = number % 3 != 0
    assignment = {"step 1": "prune" if pruned else "left out", "training.learning_rate": 10 ** (-4 + number / 6)}
    if pruned:
        assignment[SPARSITY] = 0.5 + number / 30
    assignment[PRECISION] = "int8" if number % 2 else "float16"
    if number == 6:
        return TrialRecord(number, assignment, "failed", reason="the step 'ptq' failed", seconds=2.0)
    size = 9000.0 - (4000 * assignment[SPARSITY] if pruned else 0) + (0 if number % 2 else 3000)
    accuracy = 0.8 + size / 60_000 - 0.004 * (number % 4)
    return TrialRecord(number, assignment, "done", (size, accuracy), {"max_size": max(0.0, size / 9500 - 1)}, "", 1.5)


def made_search(goals=GOALS, records=None, name="made"):
    """A search that has ended; its runs are those of the made-up report."""
    records = [trial(number) for number in range(1, 13)] if records is None else records
    records = [one if len(goals) == 2 or not one.values else _first_value(one) for one in records]
    stages = made_report().stages
    points = [
        FrontPoint(record, Path(f"s/front/{index:02}.yaml"), Path(f"s/front/{index:02}"), record.values,
                   ("min_accuracy",) if index == 2 else (), stages[0], stages[-1])
        for index, record in enumerate(front_of(records, goals), start=1)
    ]  # fmt: skip
    importances = [{SPARSITY: 0.62, PRECISION: 0.34, "step 1": 0.04}, {"training.learning_rate": 1.0}][: len(goals)]
    size = "2 ways to take steps, 3 open values, recipes without end"
    return SearchResult(name, size, SPACE.choices, goals, records, points, importances)


def _first_value(record):
    return TrialRecord(record.number, record.assignment, record.state, record.values[:1], record.misses, "", 1.5)
