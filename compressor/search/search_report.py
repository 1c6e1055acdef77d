"""What a search shows: a line for each trial, and the front as a table, in the terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import RenderableType

from compressor.base.outgoing import markdown, markdown_code
from compressor.base.text import counted
from compressor.recipe.objectives import Goal
from compressor.report.screen import Screen
from compressor.search.choice_texts import decisive_lines
from compressor.search.front import FrontPoint
from compressor.search.search_result import SearchResult
from compressor.search.trial_record import Front, TrialRecord
from compressor.search.worker_rows import WorkerRows

JUDGED: Final = "What was chosen is judged on the validation split alone; the test split was read for the front."
_MOST_LIVE: Final = 10  # rows of the table of the best


def trial_line(record: TrialRecord, is_best: bool, goals: Sequence[Goal]) -> str:
    """What came of a trial: `trial 7  size 22.1 kB, accuracy 98.10%  among the best`."""
    head = f"trial {record.number}"
    if record.repeats:
        head += f" as trial {record.repeats}"
    if record.state != "done":
        return f"{head}  failed: {record.reason}" if record.state == "failed" else f"{head}  {record.reason}"
    values = values_text(record, goals)
    if record.missed:
        return f"{head}  {values}  misses {record.missed}"
    return f"{head}  {values}{'  among the best' if is_best else ''}  ({record.seconds:.0f} s)"


def values_text(record: TrialRecord, goals: Sequence[Goal]) -> str:
    """What a trial came to: `size 22.1 kB, accuracy 98.10%`."""
    return ", ".join(f"{goal.name} {goal.text(value)}" for goal, value in zip(goals, record.values, strict=True))


class TrialLines(WorkerRows):
    """Shows a line for each trial that is over and, in a terminal, the workers and the best so far below them."""

    def __init__(self, screen: Screen, silent: bool, workers: int) -> None:
        """Show on a screen, or nothing but warnings."""
        super().__init__(screen, silent, workers)
        self._goals: Sequence[Goal] = ()
        self._front: Front | None = None

    def follow(self, goals: Sequence[Goal], front: Front) -> None:
        """Show what a search finds by these goals."""
        self._goals, self._front = goals, front

    def finished(self, record: TrialRecord, folder: Path | None) -> None:
        """A trial is over."""
        best = self._front.records if self._front else []
        is_best = any(one.number == record.number for one in best)
        self.ended(record.number, trial_line(record, is_best, self._goals))

    def below(self) -> Sequence[RenderableType]:
        """The best so far."""
        best = self._front.records[:_MOST_LIVE] if self._front else []
        if not best:
            return ()
        headings: list[tuple[str, Any]] = [("best so far", "whole"), *((goal.name, "right") for goal in self._goals)]
        rows = [
            [
                f"trial {record.number}",
                *(goal.text(value) for goal, value in zip(self._goals, record.values, strict=True)),
            ]
            for record in best
        ]
        return (self.screen.table(headings, rows),)


def show_front(result: SearchResult, screen: Screen) -> None:
    """Show the front as a table, and what decided it."""
    headings: list[tuple[str, Any]] = [("recipe", "whole"), ("trial", "right")]
    headings += [(heading, "right") for heading in front_headings(result)]
    headings.append(("constraints", "left"))
    rows = [
        [point.recipe.name, str(point.record.number), *front_figures(point, result.goals), front_verdict(point)]
        for point in result.points
    ]
    screen.print(screen.table(headings, rows))
    if result.held:
        screen.show(f" {held_text(result)}")
    for name, text in decisive_lines(result.goals, result.importances):
        screen.show(f" what decides {name}: {text}")


def front_markdown(result: SearchResult) -> str:
    """The front as Markdown, for a pull request."""
    goals = result.goals
    head = ["recipe", "trial", *front_headings(result), "constraints", "what was chosen"]
    lines = [
        f"# Search of {markdown(result.name)}",
        "",
        f"{counts_text(result)} Goals: {', '.join(f'{goal.direction} {markdown(goal.name)}' for goal in goals)}.",
        "",
        f"| {' | '.join(map(markdown, head))} |",
        f"|{' --- |' * len(head)}",
    ]
    for point in result.points:
        chosen = ", ".join(f"{name} = {value}" for name, value in point.record.assignment.items())
        cells = [f"[{point.recipe.name}]({point.recipe.name})", str(point.record.number)]
        cells += [markdown(text) for text in (*front_figures(point, goals), front_verdict(point))]
        lines.append(f"| {' | '.join([*cells, markdown_code(chosen)])} |")
    lines += ["", JUDGED]
    for name, text in decisive_lines(goals, result.importances):
        lines += ["", f"What decides {markdown(name)}: {markdown(text)}."]
    return "\n".join(lines) + "\n"


def counts_text(result: SearchResult) -> str:
    """How many trials there were, as a sentence: `20 trials of ...; 1 failed, 2 stopped early.`"""
    failed, stopped = result.counted("failed"), result.counted("stopped")
    held = f" {held_text(result)}." if result.held else ""
    trials, repeats = counted(len(result.records), "trial"), sum(record.repeats > 0 for record in result.records)
    again = f", {counted(repeats, 'repeat')}" if repeats else ""
    return f"{trials} of {result.size}; {failed} failed, {stopped} stopped early{again}.{held}"


def held_text(result: SearchResult) -> str:
    """In how many trials early steps were held."""
    return f"{len(result.held)} of {len(result.records)} trials held the early steps of another one"


def front_as_data(result: SearchResult) -> dict[str, Any]:
    """A search for programs: every trial, the front, and how much each choice decides."""
    return {
        "goals": [{"name": goal.name, "direction": goal.direction} for goal in result.goals],
        "trials": [
            {
                "number": record.number,
                "state": record.state,
                "assignment": dict(record.assignment),
                "values": list(record.values),
                "misses": {name: miss for name, miss in record.misses.items() if miss},
                "reason": record.reason,
                "seconds": record.seconds,
                "repeats": record.repeats or None,
                "holds": result.held.get(record.number),
            }
            for record in result.records
        ],
        "front": [
            {
                "trial": point.record.number,
                "recipe": _relative(point.recipe),
                "run": _relative(point.run),
                "validation": list(point.record.values),
                "test": list(point.values),
                "missed": list(point.missed),
            }
            for point in result.points
        ],
        "importances": {goal.name: dict(shares) for goal, shares in zip(result.goals, result.importances, strict=True)},
    }


def front_headings(result: SearchResult) -> list[str]:
    """The columns of the front's figures: each objective on both splits."""
    return [f"{goal.name} ({split})" for goal in result.goals for split in ("validation", "test")]


def _relative(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def front_figures(point: FrontPoint, goals: Sequence[Goal]) -> list[str]:
    """The figures of a point in these columns, as text; `-` for one that is not known."""
    return [
        "-" if value is None else goal.text(value)
        for goal, pair in zip(goals, zip(point.record.values, point.values, strict=True), strict=True)
        for value in pair
    ]


def front_verdict(point: FrontPoint) -> str:
    """Whether a point meets the constraints on the test split: `met`, or what it misses."""
    return f"misses {', '.join(point.missed)}" if point.missed else "met"
