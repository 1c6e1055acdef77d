"""`compressor search`."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from compressor.base.errors import ExitCode
from compressor.base.standard_output import say_json, tell
from compressor.base.text import counted
from compressor.cli.interrupts import is_interrupt
from compressor.cli.native_output import native_output_to
from compressor.cli.offers import RECIPE
from compressor.cli.options import plugin_option, set_option
from compressor.cli.own_command import OwnCommand
from compressor.cli.resuming import resume_command
from compressor.cli.search_options import BegunSearch, SearchOptions, search_options
from compressor.cli.worker_runs import refuse_in_search

if TYPE_CHECKING:
    from compressor.contracts.observer import Observer
    from compressor.planning.open_recipe import OpenRecipe
    from compressor.planning.registry import Registry
    from compressor.run.cache.store import Cache
    from compressor.search.executor import Executor
    from compressor.search.search_report import TrialLines
    from compressor.search.search_result import SearchResult

_SAMPLERS = ("tpe", "random", "nsga2", "grid")
_TRIALS = 20  # without any budget


@click.command("search", cls=OwnCommand)
@click.argument("recipe", type=RECIPE)
@set_option
@plugin_option
@click.option("--trials", type=click.IntRange(1, 100_000), help=f"End after so many trials.  [default: {_TRIALS}]")
@click.option("--minutes", type=click.FloatRange(0, min_open=True), help="Begin no trial after so many minutes.")
@click.option(
    "--sampler", type=click.Choice(_SAMPLERS), default="tpe", show_default=True, help="How it is chosen what to try."
)
@click.option(
    "--draw-anew", is_flag=True,
    help="Choose everything anew in each trial; by default, some trials hold the early steps of a good one, which are "
    "in the cache.",
)  # fmt: skip
@search_options("searches", one_worker="one after the other, in this one")
def command(
    recipe: str,
    overrides: tuple[str, ...],
    plugins: tuple[Path, ...],
    trials: int | None,
    minutes: float | None,
    sampler: str,
    draw_anew: bool,
    options: SearchOptions,
) -> int:
    """Try what RECIPE leaves open, and keep the best as plain recipes.

    Trials are measured on the validation split; the test split is read at the end, for the best alone. An interrupted
    search goes on with --resume.
    """
    from compressor.planning.open_recipe import planned_space
    from compressor.search.optuna_study import SearchError
    from compressor.search.search_folder import resume_option

    opened, registry = planned_space(recipe, overrides, plugins)
    if not opened.space.choices:
        raise SearchError(f"{recipe} leaves nothing open to search", f"run it by: compressor apply {recipe}")
    refuse_in_search(opened.space.tree.plain())
    drawing = {"sampler": sampler, "way of drawing": "anew" if draw_anew else "early steps are held"}
    with options.begun(opened, registry, drawing) as begun:
        go_on = resume_option(begun.folder)
        if not options.as_json:
            tell(f"searching in {begun.place}; if it is interrupted, add {go_on} to go on")
        searching = _Searching(opened, registry, options, begun)
        try:
            return searching.run(sampler, draw_anew, trials or (None if minutes else _TRIALS), minutes)
        except BaseException as error:
            if not is_interrupt(error):
                raise
            return begun.interrupted(f"finished trials are kept; to go on, give the same command with {go_on}")


@dataclass(frozen=True)
class _Searching:
    """Runs a search, and shows it."""

    opened: OpenRecipe
    registry: Registry
    options: SearchOptions
    begun: BegunSearch

    def run(self, sampler: str, draw_anew: bool, trials: int | None, minutes: float | None) -> int:
        """Run all trials and the front, and return the exit code."""
        from compressor.base.disk_faults import disk_faults_named
        from compressor.report.screen import Screen
        from compressor.report.space_screen import size_text
        from compressor.run.cache.run_cache import opened
        from compressor.run.status_file import search_status
        from compressor.search.counted_trials import run_counted
        from compressor.search.front import FrontWriter
        from compressor.search.search_report import TrialLines
        from compressor.search.search_result import SearchResult
        from compressor.search.trials import Budget, Search
        from compressor.search.worker_rows import Warnings

        place, folder, how = self.options.cache, self.begun.folder, self.options.of_runs
        drawn: dict[str, Any] = {"sampler": sampler, "draw_anew": draw_anew}
        log = None if self.options.debug else folder / "run.log"
        with (
            native_output_to(log) as stream,
            TrialLines(Screen(stream), self.options.as_json, self.begun.workers or 0) as lines,
            opened(place, lines.warned) as cache,
            disk_faults_named(folder, cache.folder),
            search_status(folder, self.opened.name, trials, resume_command(folder)) as status,
        ):
            observer = Warnings(lines)
            with self._executor(cache, observer, lines) as executor:
                search = Search(self.opened, self.registry, folder, place, executor, **drawn, **how)
                lines.follow(search.goals, search.front)
                records = run_counted(search, Budget(trials, minutes), lines, status)
            writer = FrontWriter(self.opened, search.goals, self.registry, cache, observer, **how)
            points = writer.front(search.front.records, folder)
            size, choices = size_text(self.opened.space), self.opened.space.choices
            known = (search.importances, search.held)
        result = SearchResult(self.opened.name, size, choices, search.goals, records, points, *known)
        return self._end(result)

    def _executor(self, cache: Cache, observer: Observer, lines: TrialLines) -> AbstractContextManager[Executor]:
        if self.begun.cluster is not None:
            return self.begun.cluster.executor(lines)
        if self.begun.workers is None:
            from compressor.search.executor import InProcess

            return nullcontext(InProcess(self.registry, cache, observer))
        from compressor.search.worker_pool import WorkerPool

        return WorkerPool(self.begun.workers, lines)

    def _end(self, result: SearchResult) -> int:
        from compressor.base.atomic_files import write_whole
        from compressor.base.outgoing import json_text
        from compressor.report.screen import Screen
        from compressor.search.front_page import front_page
        from compressor.search.search_folder import FRONT
        from compressor.search.search_report import front_as_data, front_markdown, show_front
        from compressor.search.trial_record import closest

        folder, data = self.begun.folder / FRONT, {"folder": str(self.begun.folder), **front_as_data(result)}
        write_whole(folder / "front.json", json_text(data) + "\n")
        write_whole(folder / "front.md", front_markdown(result))
        write_whole(folder / "front.html", front_page(result))
        if self.options.as_json:
            say_json(data)
        else:
            screen = Screen()
            trials = counted(len(result.records), "trial")
            screen.show((result.name, "bold"), f" · {trials} · {result.size}", wrap=False)
            screen.show()
            if result.points:
                show_front(result, screen)
            parts = ["a recipe and a run for each", "front.html", "front.md", "front.json"]
            for line in screen.joined(f" {folder}/   ", parts):
                screen.show(line, wrap=False)
        if result.points:
            return ExitCode.DONE
        near = closest(result.records)
        told = f"; trial {near.number} comes closest, and misses {near.missed}" if near else ""
        tell(f"error: no trial meets the constraints{told}; relax them, or leave more open")
        return ExitCode.CONSTRAINT
