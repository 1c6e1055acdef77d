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
from compressor.cli.cluster_options import cluster_options, clustered
from compressor.cli.interrupts import was_interrupted
from compressor.cli.native_output import native_output_to
from compressor.cli.offers import RECIPE
from compressor.cli.options import (
    cache_options,
    debug_option,
    json_option,
    plugin_option,
    seed_option,
    set_option,
    trust_option,
)
from compressor.cli.own_command import OwnCommand
from compressor.cli.places import PLACE, SearchPlace
from compressor.cli.resuming import begins_in, resume_command, tell_interrupted
from compressor.cli.worker_runs import refuse_in_search

if TYPE_CHECKING:
    from compressor.cluster.ray_address import On
    from compressor.cluster.search_cluster import SearchCluster
    from compressor.contracts.observer import Observer
    from compressor.planning.open_recipe import OpenRecipe
    from compressor.planning.registry import Registry
    from compressor.run.cache.run_cache import CachePlace
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
@click.option(
    "--workers", metavar="N", type=click.IntRange(1, 64), default=None,
    help="Run up to N trials at once, in processes of their own.  [default: one after the other, in this one]",
)  # fmt: skip
@cluster_options
@click.option(
    "--output", "-o", type=PLACE,
    help="Folder or address for the search, new or empty.  [default: searches/<recipe>/<time>-<hash>]",
)  # fmt: skip
@click.option(
    "--resume", metavar="FOLDER", type=PLACE,
    help="Go on with the search in this folder; --trials counts its trials as well.",
)  # fmt: skip
@seed_option
@click.option("--smoke", is_flag=True, help="Run a few samples and training steps in each trial, to see that it works.")
@trust_option
@cache_options
@json_option
@debug_option
def command(
    recipe: str,
    overrides: tuple[str, ...],
    plugins: tuple[Path, ...],
    trials: int | None,
    minutes: float | None,
    sampler: str,
    draw_anew: bool,
    workers: int | None,
    on: On | None,
    output: Path | str | None,
    resume: Path | str | None,
    seed: int,
    smoke: bool,
    trust_model: bool,
    cache: Path | str | None,
    cache_from: tuple[Path | str, ...],
    cache_limit: int | None,
    as_json: bool,
    debug: bool,
) -> int:
    """Try what RECIPE leaves open, and keep the best as plain recipes.

    Trials are measured on the validation split; the test split is read at the end, for the best alone. An interrupted
    search goes on with --resume.
    """
    from compressor.planning.open_recipe import planned_space
    from compressor.run.cache.run_cache import CachePlace
    from compressor.search.optuna_study import SearchError, refuse_without_optuna
    from compressor.search.search_folder import claimed_search, places_of, refuse_missing, resume_option
    from compressor.search.settings import settings_of

    where = SearchPlace.of(output, resume)
    refuse_without_optuna()
    refuse_missing(where.resumed)
    opened, registry = planned_space(recipe, overrides, plugins)
    if not opened.space.choices:
        raise SearchError(f"{recipe} leaves nothing open to search", f"run it by: compressor apply {recipe}")
    refuse_in_search(opened.space.tree.plain())
    place = CachePlace.named(cache, cache_from, cache_limit)
    how = (seed, smoke, trust_model, debug, as_json, place)
    before = places_of(where.resumed)
    with where.published(as_json) as publication, clustered(on, opened, workers or before, debug) as cluster:
        workers = cluster.places if cluster else workers or (before if before != 1 else None)
        settings = settings_of(opened, registry, seed, smoke, workers)
        settings |= {"sampler": sampler, "way of drawing": "anew" if draw_anew else "early steps are held"}
        with claimed_search(where.folder, opened.name, settings, where.resume) as folder:
            publication.folder = folder
            if not as_json:
                on_cluster = f" on {cluster}" if cluster else ""
                tell(f"searching in {folder}{on_cluster}; if it is interrupted, add {resume_option(folder)} to go on")
            begins_in(folder, on_cluster=cluster is not None)
            searching = _Searching(opened, registry, folder, *how, workers, cluster)
            try:
                return searching.run(sampler, draw_anew, trials or (None if minutes else _TRIALS), minutes)
            except BaseException as error:
                if not isinstance(error, KeyboardInterrupt) and not was_interrupted():
                    raise
                go_on = f"give the same command with {resume_option(folder)}"
                tell_interrupted(f"finished trials are kept; to go on, {go_on}")
                publication.state = "interrupted"
                return ExitCode.INTERRUPTED


@dataclass(frozen=True)
class _Searching:
    """Runs a search, and shows it."""

    opened: OpenRecipe
    registry: Registry
    folder: Path
    seed: int
    smoke: bool
    trust_model: bool
    debug: bool
    as_json: bool
    place: CachePlace
    workers: int | None
    cluster: SearchCluster | None

    def run(self, sampler: str, draw_anew: bool, trials: int | None, minutes: float | None) -> int:
        """Run all trials and the front, and return the exit code."""
        from compressor.base.disk_faults import disk_faults_named
        from compressor.report.screen import Screen
        from compressor.report.space_screen import size_text
        from compressor.run.cache.run_cache import opened
        from compressor.run.status_file import search_status
        from compressor.search.counted_trials import Counting
        from compressor.search.front import FrontWriter
        from compressor.search.search_report import TrialLines
        from compressor.search.search_result import SearchResult
        from compressor.search.trials import Budget, Search
        from compressor.search.worker_rows import Warnings

        how: dict[str, Any] = {"seed": self.seed, "smoke": self.smoke, "trust_model": self.trust_model}
        drawn: dict[str, Any] = {"sampler": sampler, "draw_anew": draw_anew}
        log = None if self.debug else self.folder / "run.log"
        with (
            native_output_to(log) as stream,
            TrialLines(Screen(stream), self.as_json, self.workers or 0) as lines,
            opened(self.place, lines.warned) as cache,
            disk_faults_named(self.folder, cache.folder),
            search_status(self.folder, self.opened.name, trials, resume_command(self.folder)) as status,
        ):
            observer = Warnings(lines)
            with self._executor(cache, observer, lines) as executor:
                search = Search(self.opened, self.registry, self.folder, self.place, executor, **drawn, **how)
                lines.follow(search.goals, search.front)
                before = len(search.records)
                records = search.run(Budget(trials, minutes), Counting(lines, status, search.records))
                if before and len(records) == before:
                    lines.say("no trial is left to run; --trials counts those of before, and no recipe is tried twice")
            writer = FrontWriter(self.opened, search.goals, self.registry, cache, observer, **how)
            points = writer.front(search.front.records, self.folder)
            size, choices = size_text(self.opened.space), self.opened.space.choices
            known = (search.importances, search.held)
        result = SearchResult(self.opened.name, size, choices, search.goals, records, points, *known)
        return self._end(result)

    def _executor(self, cache: Cache, observer: Observer, lines: TrialLines) -> AbstractContextManager[Executor]:
        if self.cluster is not None:
            return self.cluster.executor(lines)
        if self.workers is None:
            from compressor.search.executor import InProcess

            return nullcontext(InProcess(self.registry, cache, observer))
        from compressor.search.worker_pool import WorkerPool

        return WorkerPool(self.workers, lines)

    def _end(self, result: SearchResult) -> int:
        from compressor.base.atomic_files import write_whole
        from compressor.base.outgoing import json_text
        from compressor.report.screen import Screen
        from compressor.search.front_page import front_page
        from compressor.search.search_folder import FRONT
        from compressor.search.search_report import front_as_data, front_markdown, show_front
        from compressor.search.trial_record import closest

        folder, data = self.folder / FRONT, {"folder": str(self.folder), **front_as_data(result)}
        write_whole(folder / "front.json", json_text(data) + "\n")
        write_whole(folder / "front.md", front_markdown(result))
        write_whole(folder / "front.html", front_page(result))
        if self.as_json:
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
