"""`compressor apply`."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from compressor.base import event_log
from compressor.base.addresses import shown
from compressor.base.errors import CompressorError, ExitCode
from compressor.base.standard_output import say_json, tell
from compressor.cli.batch_runs import BatchRuns, outputs_of, seeds_data, show_batch, write_seeds
from compressor.cli.child_process import PUBLISHING, SENDING, Tell
from compressor.cli.cluster_options import cluster_options
from compressor.cli.native_output import native_output_to
from compressor.cli.notices import OPTION
from compressor.cli.offers import RECIPE
from compressor.cli.options import (
    SEED_COUNT,
    cache_options,
    debug_option,
    json_option,
    log_format_option,
    notify_option,
    plugin_option,
    seed_option,
    set_option,
    track_option,
    trust_option,
)
from compressor.cli.own_command import OwnCommand
from compressor.cli.places import PLACE
from compressor.cli.step_teller import StepTeller
from compressor.cli.worker_runs import WorkerRuns, refuse_several, shares_trainings
from compressor.contracts.observer import Observers

if TYPE_CHECKING:
    from compressor.cluster.ray_address import On
    from compressor.contracts.execution_plan import Plan
    from compressor.contracts.report_rows import Report
    from compressor.planning.registry import Registry
    from compressor.run.cache.run_cache import CachePlace
    from compressor.run.lockfile import Lock
    from compressor.run.notifier import Notifier


@click.command("apply", cls=OwnCommand)
@click.argument("recipes", metavar="RECIPE...", type=RECIPE, nargs=-1, required=True)
@set_option
@plugin_option
@click.option(
    "--output",
    "-o",
    type=PLACE,
    help="Folder or address for the results, new or empty.  [default: runs/<recipe>/<time>-<hash>]",
)
@seed_option
@click.option("--seeds", type=SEED_COUNT, help="Run this many seeds, from 0, and report mean and spread.")
@cluster_options
@click.option("--smoke", is_flag=True, help="Run a few samples and training steps, to see that the recipe works.")
@click.option(
    "--locked",
    type=click.Path(path_type=Path),
    help="The lock.yaml of a run: make the same files again, or fail and list what has changed.",
)
@trust_option
@track_option
@cache_options
@click.option("--no-cache", is_flag=True, help="Run every step, and cache nothing for the next run.")
@click.option("--quiet", "-q", is_flag=True, help="Print the final report only.")
@log_format_option
@notify_option
@json_option
@debug_option
def command(
    recipes: tuple[str, ...],
    overrides: tuple[str, ...],
    plugins: tuple[Path, ...],
    output: Path | str | None,
    seed: int,
    seeds: int | None,
    on: On | None,
    smoke: bool,
    locked: Path | None,
    trust_model: bool,
    track: tuple[str, ...],
    cache: Path | str | None,
    cache_from: tuple[Path | str, ...],
    cache_limit: int | None,
    no_cache: bool,
    quiet: bool,
    notify: tuple[str, ...],
    as_json: bool,
    debug: bool,
) -> int:
    """Run RECIPE, a file or the name of one that ships, and report what each step did to size and accuracy.

    Several recipes, or folders of them, are run one after the other, or on a cluster with --on. Steps that ran before
    with the same model, data, parameters and versions are taken from the cache. To resume an interrupted run, give the
    same command again.
    """
    from compressor import api
    from compressor.planning.registry import Registry
    from compressor.run.batch import BatchRecipe
    from compressor.run.lockfile import read_lock
    from compressor.run.published_run import claimed_at

    tell_doing: Tell = click.get_current_context().obj
    if seeds is not None and (seed or locked):
        raise click.UsageError("--seeds runs the seeds from 0 up; leave out --seed and --locked")
    if no_cache and (cache or cache_from):
        raise click.UsageError("--no-cache excludes --cache and --cache-from; leave one of them out")
    if locked and (on is not None or _are_several(recipes)):
        raise click.UsageError("--locked is for one run on this machine; leave it out, or name one recipe")
    registry = Registry.installed()
    options: dict[str, Any] = {"overrides": overrides, "seed": seed, "smoke": smoke, "plugins": plugins}
    plans = [replace(plan, trust_model=trust_model) for plan in _plans(recipes, registry, options)]
    api.registry_for(plans[0], registry, track)  # before anything is made, trackers that are not there are refused
    silent = quiet or (as_json and not event_log.is_open())
    shared = next(filter(shares_trainings, plans), None)
    if shared is not None:
        refuse_several(len(plans) > 1, seeds is not None, on is not None)
    notifier = _notifier(notify, registry, tell_doing)
    runs = _Runs(registry, track, read_lock(locked) if locked else None, silent, notifier, debug, tell_doing)
    if len(plans) > 1 or on is not None:
        with _cache_place(no_cache, cache, cache_from, cache_limit) as place:
            batch = [
                BatchRecipe(plan, where, seeds) for plan, where in zip(plans, outputs_of(plans, output), strict=True)
            ]
            shell = BatchRuns(place, not no_cache, track, silent, debug, tell_doing, notifier)
            if on is not None:
                shell.on_cluster(on, batch)
            else:
                shell.here(batch, lambda plan, folder: runs.run(plan, folder, place))
        if len(batch) > 1 or batch[0].error or batch[0].folder is None:
            return show_batch(batch, as_json)
        reports = [batch[0].reports[number] for number in sorted(batch[0].reports)]
        return _end(reports, batch[0].folder, output, seeds is not None, as_json)
    (plan,) = plans

    def run_here() -> int:
        with (
            _cache_place(no_cache, cache, cache_from, cache_limit) as place,
            claimed_at(plan, output, seeds is not None, _warn, lambda: tell_doing(PUBLISHING)) as folder,
        ):
            if seeds is None:
                reports = [runs.run(plan, folder, place)]
            else:
                reports = [runs.run_within(folder, replace(plan, seed=number), place) for number in range(seeds)]
                write_seeds(reports, folder)
        return _end(reports, folder, output, seeds is not None, as_json)

    if shared is None:
        return run_here()
    workers = WorkerRuns(plan, silent, debug, tell_doing)
    return workers.run(run_here, lambda: _cache_place(no_cache, cache, cache_from, cache_limit))


@dataclass(frozen=True)
class _Runs:
    """Makes the runs of the command, all with the same options."""

    registry: Registry
    track: Sequence[str]
    lock: Lock | None
    silent: bool
    notifier: Notifier | None
    debug: bool
    tell: Tell

    def run(self, plan: Plan, folder: Path, place: CachePlace) -> Report:
        """Run a plan, and keep off the screen what the libraries print."""
        from compressor import api
        from compressor.report.progress import watching
        from compressor.report.screen import Screen
        from compressor.run.cache.run_cache import opened

        with native_output_to(None if self.debug else folder / "run.log") as stream:
            observer = Observers(StepTeller(plan, self.tell), watching(Screen(stream), self.silent, str(folder)))
            if self.notifier is not None:
                self.notifier.warn = observer.warned
            try:
                with opened(place, observer.warned) as cache:
                    registry = api.registry_for(plan, self.registry, self.track)
                    return api.execute(plan, folder, registry, cache, observer, self.lock, self.track)
            finally:
                observer.paused()

    def run_within(self, folder: Path, plan: Plan, place: CachePlace) -> Report:
        """Run a plan in a folder for its seed."""
        from compressor.run.run_folder import claimed

        with claimed(plan, folder / f"seed-{plan.seed}") as seed_folder:
            return self.run(plan, seed_folder, place)


def _plans(recipes: Sequence[str], registry: Registry, options: Mapping[str, Any]) -> list[Plan]:
    """The plans of all recipes; nothing is run where one of them is not valid.

    Raises:
        RecipeError: with every problem of all recipes that can be found without a model.
    """
    from compressor import api
    from compressor.cli.recipe_files import find_recipes
    from compressor.recipe.problems import Problem, RecipeError

    if not _are_several(recipes):
        return [api.plan(recipes[0], registry=registry, **options)]
    found = find_recipes(recipes)
    problems, plans = [problem for _, problem in found.problems], []
    for recipe in found.recipes:
        try:
            plans.append(api.plan(recipe, registry=registry, **options))
        except RecipeError as error:
            problems += error.problems
        except CompressorError as error:
            problems.append(Problem(f"{recipe}: {error}"))
    if problems:
        raise RecipeError(problems)
    return plans


def _are_several(recipes: Sequence[str]) -> bool:
    """Whether there may be more than one recipe."""
    return len(recipes) > 1 or glob.has_magic(recipes[0]) or os.path.isdir(recipes[0])  # noqa: PTH112 - never raises


def _notifier(targets: Sequence[str], registry: Registry, tell: Tell) -> Notifier | None:
    """The plugin that sends word when a run has ended, registered for this command; None if nobody is to get it."""
    if not targets:
        return None
    from compressor.base.versions import full_versions
    from compressor.contracts.execution_plan import Provider
    from compressor.run.notifier import Notifier

    notifier = Notifier(targets, lambda: tell(SENDING))
    registry.add(notifier, OPTION, Provider("compressor", full_versions()["compressor"]))
    return notifier


def _end(reports: list[Report], folder: Path, output: Path | str | None, several: bool, as_json: bool) -> int:
    """Show what a recipe came to, and return the exit code."""
    _print(reports, folder, several=several, as_json=as_json)
    if isinstance(output, str) and not as_json:
        tell(f"the folder is published at {shown(output)}")
    missed = sorted({row.name for report in reports for row in report.constraints if not row.met})
    if not missed:
        return ExitCode.DONE
    tell(f"error: constraints not met: {', '.join(missed)}; change the recipe's steps, or relax them")
    return ExitCode.CONSTRAINT


def _print(reports: list[Report], folder: Path, several: bool, as_json: bool) -> None:
    from compressor.report.screen import Screen
    from compressor.report.seeds import over_seeds
    from compressor.report.terminal import print_report, print_seeds

    if as_json:
        say_json(seeds_data(reports) if several else reports[0].model_dump(mode="json"))
        return
    screen = Screen()
    screen.show()
    if several:
        print_seeds(over_seeds(reports), len(reports), screen)
        files = ["seeds.json", "seed-0 and so on, each with model.tflite, report.html, report.md, report.json"]
    else:
        print_report(reports[0], screen)
        files = ["model.tflite", "report.html", "report.md", "report.json"]
    for line in screen.joined(f" {folder}/   ", files):
        screen.show(line, wrap=False)


def _warn(text: str) -> None:
    tell(f"warning: {text}")


@contextmanager
def _cache_place(
    no_cache: bool, cache: Path | str | None, sources: Sequence[Path | str], limit: int | None
) -> Iterator[CachePlace]:
    """The place that is asked for, by default the user's cache folder; with --no-cache a temporary one."""
    from compressor.run.cache.run_cache import CachePlace

    if not no_cache:
        yield CachePlace.named(cache, sources, limit)
        return
    with TemporaryDirectory(prefix="compressor-") as folder:
        yield CachePlace(Path(folder))
