"""`compressor apply`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from compressor.base import event_log
from compressor.base.addresses import shown
from compressor.base.errors import ExitCode
from compressor.base.standard_output import say_json, tell
from compressor.cli.child_process import PUBLISHING, SENDING, Tell
from compressor.cli.native_output import native_output_to
from compressor.cli.notices import OPTION
from compressor.cli.offers import RECIPE
from compressor.cli.options import (
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
from compressor.contracts.observer import Observer, Observers

if TYPE_CHECKING:
    from compressor.contracts.execution_plan import Plan
    from compressor.contracts.report_rows import Report
    from compressor.planning.registry import Registry
    from compressor.run.cache.run_cache import CachePlace
    from compressor.run.lockfile import Lock
    from compressor.run.notifier import Notifier


@click.command("apply", cls=OwnCommand)
@click.argument("recipe", type=RECIPE)
@set_option
@plugin_option
@click.option(
    "--output",
    "-o",
    type=PLACE,
    help="Folder or address for the results, new or empty.  [default: runs/<recipe>/<time>-<hash>]",
)
@seed_option
@click.option("--seeds", type=click.IntRange(1, 100), help="Run this many seeds, from 0, and report mean and spread.")
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
    recipe: str,
    overrides: tuple[str, ...],
    plugins: tuple[Path, ...],
    output: Path | str | None,
    seed: int,
    seeds: int | None,
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

    Steps that ran before with the same model, data, parameters and versions are taken from the cache. To resume an
    interrupted run, give the same command again.
    """
    from compressor import api
    from compressor.planning.registry import Registry
    from compressor.run.lockfile import read_lock
    from compressor.run.published_run import claimed_at

    tell_doing: Tell = click.get_current_context().obj
    if seeds is not None and (seed or locked):
        raise click.UsageError("--seeds runs the seeds from 0 up; leave out --seed and --locked")
    if no_cache and (cache or cache_from):
        raise click.UsageError("--no-cache excludes --cache and --cache-from; leave one of them out")
    registry = Registry.installed()
    plan = api.plan(recipe, overrides=overrides, registry=registry, seed=seed, smoke=smoke, plugins=plugins)
    plan = replace(plan, trust_model=trust_model)
    lock = read_lock(locked) if locked else None
    registry = api.registry_for(plan, registry, track)
    silent = quiet or (as_json and not event_log.is_open())
    runs = _Runs(registry, track, lock, silent, _notifier(notify, registry, tell_doing), debug, tell_doing)
    with (
        _cache_place(no_cache, cache, cache_from, cache_limit) as place,
        claimed_at(plan, output, seeds is not None, _warn, lambda: tell_doing(PUBLISHING)) as folder,
    ):
        if seeds is None:
            reports = [runs.run(plan, folder, place)]
        else:
            reports = [runs.run_within(folder, replace(plan, seed=number), place) for number in range(seeds)]
            _write_seeds(reports, folder)
    _print(reports, folder, several=seeds is not None, as_json=as_json)
    if isinstance(output, str) and not as_json:
        tell(f"the folder is published at {shown(output)}")
    missed = sorted({row.name for report in reports for row in report.constraints if not row.met})
    if not missed:
        return ExitCode.DONE
    tell(f"error: constraints not met: {', '.join(missed)}; change the recipe's steps, or relax them")
    return ExitCode.CONSTRAINT


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
            observer = Observers(_StepTeller(plan, self.tell), watching(Screen(stream), self.silent, str(folder)))
            if self.notifier is not None:
                self.notifier.warn = observer.warned
            try:
                with opened(place, observer.warned) as cache:
                    return api.execute(plan, folder, self.registry, cache, observer, self.lock, self.track)
            finally:
                observer.paused()

    def run_within(self, folder: Path, plan: Plan, place: CachePlace) -> Report:
        """Run a plan in a folder for its seed."""
        from compressor.run.run_folder import claimed

        with claimed(plan, folder / f"seed-{plan.seed}") as seed_folder:
            return self.run(plan, seed_folder, place)


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


class _StepTeller(Observer):
    """Reports which step is running, in case the process crashes in it."""

    def __init__(self, plan: Plan, tell: Tell) -> None:
        self._subjects = {step.id: f"the step '{step.id}' ({step.uses}, {step.provider})" for step in plan.stages}
        self._tell = tell

    def step_started(self, step_id: str) -> None:
        self._tell(self._subjects.get(step_id, "the baseline"))

    def measuring(self, step_id: str) -> None:
        self._tell(f"measuring the file after {self._subjects.get(step_id, 'the baseline')}")

    def warned(self, text: str) -> None:
        """Left to the observers that show it."""


def _print(reports: list[Report], folder: Path, several: bool, as_json: bool) -> None:
    from compressor.report.screen import Screen
    from compressor.report.seeds import over_seeds
    from compressor.report.terminal import print_report, print_seeds

    if as_json:
        say_json(_seeds_data(reports) if several else reports[0].model_dump(mode="json"))
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


def _write_seeds(reports: list[Report], folder: Path) -> None:
    from compressor.base.outgoing import json_text
    from compressor.run.run_folder import write_last

    write_last(folder / "seeds.json", json_text(_seeds_data(reports)) + "\n")


def _seeds_data(reports: list[Report]) -> dict[str, Any]:
    from compressor.report.seeds import over_seeds

    return {
        "stages": [row.model_dump() for row in over_seeds(reports)],
        "reports": [report.model_dump(mode="json") for report in reports],
    }


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
