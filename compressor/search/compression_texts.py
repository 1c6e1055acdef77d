"""What `compressor compress` says before it searches, and of its answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from compressor.base.text import counted, listing
from compressor.contracts.report_rows import Report
from compressor.planning.open_recipe import OpenRecipe
from compressor.recipe.objectives import Goal
from compressor.report.figures import clock_text, miss_text
from compressor.report.space_screen import size_text
from compressor.scaffolding.compression_space import CompressionSpace
from compressor.scaffolding.known_model import KnownModel
from compressor.scaffolding.learning_choices import Learning
from compressor.search.front import FrontPoint
from compressor.search.trial_record import TrialRecord


def introduction(
    known: KnownModel, learning: Learning, space: CompressionSpace, opened: OpenRecipe, minutes: float
) -> Iterator[str]:
    """What was found in the model, what the answer must keep to, and what will be tried, line by line."""
    within = f" in {listing(known.kinds, 6)}" if known.kinds else ""
    yield f" found: {known.weights:,} weights{within}; {_ends(known)}"
    for name, (metric, why) in learning.metrics.items():
        of = f" of {name}" if len(learning.metrics) > 1 else ""
        yield f" judged by: {metric}{of}, the {why}"
    if not known.comes_trained:
        yield " it comes untrained, and is trained first, once: model.train in the recipe"
    for note in space.notes:
        yield f" note: {note}"
    tree = opened.space.tree.plain()
    limits = list(_limits(tree.get("constraints", {})))
    limits += [f"target: {tree['target']}"] if "target" in tree else []
    yield f" limits: {', '.join(limits)}"
    first = "; then ".join(dict.fromkeys(" -> ".join(trial.steps) for trial in space.first))
    yield f" tries first: {first}"
    yield f" then what does best, of {size_text(opened.space)}; for {clock_text(60 * minutes)} minutes in all"


def _limits(constraints: Mapping[str, Any]) -> Iterator[str]:
    for key, value in constraints.items():
        if isinstance(value, Mapping):  # by metric
            yield from (f"{key}.{name}: {limit}" for name, limit in value.items())
        else:
            yield f"{key}: {value}"


def shortfall(point: FrontPoint, records: Sequence[TrialRecord], report: Report) -> str:
    """Name the limits that the answer misses, and by how much; empty if it meets all."""
    record = point.record
    if not record.meets_all:
        misses = [f"{name} by {miss:.1%} of the limit" for name, miss in record.misses.items() if miss]
        tried = counted(len(records), "trial")
        what = f"none of {tried} meets the limits; trial {record.number} comes closest, and misses {', '.join(misses)}"
        return f"{what}; relax them, or give a longer --budget"
    rows = [row for row in report.constraints if not row.met]
    if not rows:
        return ""
    told = ", ".join(f"{row.name} ({miss_text(row) or row.actual})" for row in rows)
    what = f"the best met every limit on the validation split, but on the test split it misses {told}"
    return f"{what}; ask for a little more than you need, and do not choose by the test split"


def answer_as_data(
    point: FrontPoint, records: Sequence[TrialRecord], goals: Sequence[Goal], report: Report
) -> dict[str, Any]:
    """The answer for programs."""
    return {
        "goals": [{"name": goal.name, "direction": goal.direction} for goal in goals],
        "trials": len(records),
        "trial": point.record.number,
        "recipe": str(point.recipe),
        "run": str(point.run),
        "validation": list(point.record.values),
        "test": list(point.values),
        "misses": {name: miss for name, miss in point.record.misses.items() if miss},
        "missed": list(point.missed),
        "report": report.model_dump(mode="json"),
    }


def _ends(known: KnownModel) -> str:
    taken = ", ".join(_shape(shape) for shape in known.ends.inputs.values())
    given = ", ".join(_shape(shape) for shape in known.ends.outputs.values())
    endings = sorted({*known.ends.endings.values()} - {"linear"})
    return f"takes {taken}, gives {given}{f' by {listing(endings)}' if endings else ''}"


def _shape(shape: Sequence[int | None]) -> str:
    return "x".join("?" if size is None else str(size) for size in shape) or "a number"
