"""`compressor apply` on several machines that share trainings: worker 0 makes the run, the others take part in it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NoReturn

import click

from compressor.base import event_log
from compressor.base.errors import CompressorError, ExitCode
from compressor.base.standard_output import ForgivingStream, tell
from compressor.cli.child_process import Tell, ended_with
from compressor.cli.native_output import native_output_dropped
from compressor.contracts.observer import Observer

if TYPE_CHECKING:
    from compressor.contracts.execution_plan import Plan
    from compressor.run.cache.run_cache import CachePlace
    from compressor.training.worker_group import WorkerGroup

_SAME_ERROR = 3.0  # seconds in which worker 0 should fail as well, where all fail alike


def shares_trainings(plan: Plan) -> bool:
    """Whether several machines share the trainings of a plan."""
    return plan.runtime.distribute == "multi_worker"


def refuse_several(several: bool, seeds: bool, on_cluster: bool) -> None:
    """Refuse what runs more than one run, or runs it elsewhere.

    Raises:
        UsageError: the command does.
    """
    what = "--on" if on_cluster else "--seeds" if seeds else "several recipes" if several else ""
    if what:
        raise click.UsageError(
            f"{what} cannot be combined with 'distribute: multi_worker', whose machines share one run of one recipe"
        )


def refuse_in_search(recipe: Mapping[str, Any]) -> None:
    """Refuse a search whose trials would train on several machines.

    Args:
        recipe: as plain data.

    Raises:
        CompressorError: they would.
    """
    if (recipe.get("runtime") or {}).get("distribute") == "multi_worker":
        what = "a search cannot have trials that several machines share ('distribute: multi_worker')"
        raise CompressorError(what, "remove that; with --on, a search tries recipes on several machines at once")


@dataclass(frozen=True)
class WorkerRuns:
    """Makes a run on several machines.

    Attributes:
        plan: of the run.
        silent: whether to show results and errors only.
        debug: whether to show what libraries print.
        tell_doing: is told how the process ends if it does not respond.
    """

    plan: Plan
    silent: bool
    debug: bool
    tell_doing: Tell

    def run(self, lead: Callable[[], int], cache: Callable[[], AbstractContextManager[CachePlace]]) -> int:
        """Wait for all machines, make the run or take part in it, and return the exit code of worker 0.

        Args:
            lead: makes the run, on worker 0.
            cache: gives the place of this machine's cache.

        Raises:
            CompressorError: `TF_CONFIG` is at fault, not all machines came, or one of them was lost.
        """
        from compressor.base.worker_addresses import required_addresses
        from compressor.models.files.devices import device_count
        from compressor.run.following import refuse_small_batches
        from compressor.training.joining import join, wait_in_seconds

        addresses, seconds = required_addresses(), wait_in_seconds()
        refuse_small_batches(self.plan, device_count(self.plan.runtime))
        this = f"{addresses.name(addresses.index)} of {addresses.count}"
        self._say(f"{this}: waits up to {seconds} s for the others")
        screen = os.dup(2)
        with native_output_dropped(self.debug):
            group = join(
                addresses, self.plan.seed, self.plan.threads, seconds, lambda text: self._end_at_once(screen, text)
            )
        self._say(f"{this}: all have come")
        return self._lead(group, lead) if group.leads else self._follow(group, cache, this)

    def _lead(self, group: WorkerGroup, lead: Callable[[], int]) -> int:
        try:
            code = lead()
        except KeyboardInterrupt:
            group.end(ExitCode.INTERRUPTED, f"{group.addresses.name(0)} was interrupted")
            raise
        except BaseException as error:
            cause = group.explain(error)
            group.end(getattr(cause, "exit_code", ExitCode.INTERNAL), f"{group.addresses.name(0)}: {cause}")
            if cause is error:
                raise
            raise cause from error
        group.end(code)
        return code

    def _follow(self, group: WorkerGroup, cache: Callable[[], AbstractContextManager[CachePlace]], this: str) -> int:
        from compressor.training.worker_group import KEPT

        name = group.addresses.name(group.addresses.index)
        try:
            self._take_part(cache, this)
            over = group.wait_for_end()
        except KeyboardInterrupt:
            group.end(ExitCode.WORKER, f"{name} was interrupted")
            raise
        except BaseException as error:
            over = group.wait_for_end(_SAME_ERROR)
            if over is None:
                group.end(ExitCode.WORKER, f"{name}: {error}")
                raise
        group.leave()
        assert over is not None
        if over.message:
            found_here = over.by == group.addresses.index  # that worker 0 is gone, which told nothing
            tell(f"error: {over.message}; {KEPT}" if found_here else f"error: {over.message}")
            self._exit(over.code)
        self._say(f"{this}: done; the results are on {group.addresses.name(0)}")
        return over.code

    def _take_part(self, cache: Callable[[], AbstractContextManager[CachePlace]], this: str) -> None:
        from compressor.run.cache.run_cache import opened
        from compressor.run.following import follow

        with native_output_dropped(self.debug) as screen, TemporaryDirectory(prefix="compressor-") as folder:
            observer = _Following(this, screen, self.silent)
            with cache() as place, opened(place, observer.warned) as opened_cache:
                follow(self.plan, Path(folder), opened_cache, observer)

    def _say(self, text: str) -> None:
        if not self.silent:
            tell(text)

    def _end_at_once(self, screen: int, message: str) -> NoReturn:
        """End a process that does not respond."""
        os.dup2(screen, 2)
        tell(f"error: {message}")
        self._exit(ExitCode.WORKER)

    def _exit(self, code: int) -> NoReturn:
        """Exit without TensorFlow's leave of workers that are gone, which may take long."""
        self.tell_doing(ended_with(code))
        with suppress(OSError):
            sys.stderr.flush()
        os._exit(code)


class _Following(Observer):
    """Says which steps this worker takes part in."""

    def __init__(self, this: str, stream: ForgivingStream, silent: bool) -> None:
        from compressor.report.screen import Screen

        self._this = this
        self._screen = Screen(stream)
        self._silent = silent

    def training_started(self, step_id: str, /, epochs: int, steps_per_epoch: int) -> None:
        self._show(f"{self._this}: takes part in training '{step_id}'")

    def training_resumed(self, step_id: str, /, epoch: int) -> None:
        self._show(f"{self._this}: goes on with '{step_id}' after epoch {epoch}")

    def warned(self, text: str) -> None:
        """Left to worker 0, which warns of the same."""

    def _show(self, text: str) -> None:
        if self._silent:
            return
        if event_log.is_open():
            tell(text)
        else:
            self._screen.show(text, wrap=False)
