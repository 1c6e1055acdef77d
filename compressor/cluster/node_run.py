"""Runs on a machine of a cluster: `compressor apply` of one recipe, in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from compressor.base.atomic_files import write_named
from compressor.base.errors import CompressorError, ExitCode
from compressor.cluster.carried_files import Carried
from compressor.cluster.node_machine import Sender, as_sent_from, cache_here, machine_name, other_versions, recipe_here
from compressor.run.cache.run_cache import CachePlace

_START: Final = (
    "import sys; from compressor.base.parent_process import die_with; die_with(int(sys.argv.pop(1)));"
    "from compressor.cli import main; sys.argv[0] = 'compressor'; main()"
)
_PATIENCE: Final = 2.0  # seconds that a run has to end when it is cancelled
_KEPT: Final = 20  # lines that the process said last


@dataclass(frozen=True)
class RunJob:
    """A run, as plain data.

    Attributes:
        number: of the run, in the batch.
        recipe: as YAML, with absolute paths.
        seed: of the run.
        smoke: whether a few samples and training steps are enough.
        trust_model: whether code in the model's file may run.
        track: names of trackers.
        cache: where the cache is; None for none.
    """

    number: int
    recipe: str
    seed: int
    smoke: bool
    trust_model: bool
    track: tuple[str, ...]
    cache: CachePlace | None


@dataclass(frozen=True)
class RunOutcome:
    """The outcome of a run: the files of its folder, its exit code, and the error if there was one."""

    files: dict[str, bytes]
    code: int
    error: str = ""


def run(job: RunJob, carried: Sequence[tuple[Carried, Any]], sender: Sender, mailbox: Any) -> RunOutcome:
    """Run it, and return everything that it wrote.

    Args:
        job: the run.
        carried: the files of its recipe, each with its content as an object of Ray.
        sender: who wants it.
        mailbox: the actor that is told what happens.
    """
    mailbox.tell.remote(job.number, "begins", machine_name())
    if other := other_versions(sender):
        return RunOutcome({}, ExitCode.INPUT, "; ".join(other))
    as_sent_from(sender)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=Path.cwd()))
    try:
        recipe, output = folder / "recipe.yaml", folder / "output"
        write_named(recipe, recipe_here(job.recipe, carried))
        code, error = _apply(_arguments(job, sender, recipe, output), job.number, mailbox)
        files = {path.relative_to(output).as_posix(): path.read_bytes() for path in output.rglob("*") if path.is_file()}
        return RunOutcome(files, code, error)
    except CompressorError as error:
        return RunOutcome({}, error.exit_code, str(error))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _arguments(job: RunJob, sender: Sender, recipe: Path, output: Path) -> list[str]:
    arguments = ["apply", str(recipe), "-o", str(output), "--seed", str(job.seed), "--json", "--log-format", "json"]
    arguments += ["--smoke"] if job.smoke else []
    arguments += ["--trust-model"] if job.trust_model else []
    arguments += [f"--track={name}" for name in job.track]
    if job.cache is None:
        return [*arguments, "--no-cache"]
    place = cache_here(job.cache, sender)
    arguments += ["--cache", place.address or str(place.folder)]
    arguments += [f"--cache-from={source}" for source in place.sources]
    return arguments if place.limit is None else [*arguments, "--cache-limit", f"{place.limit} B"]


def _apply(arguments: Sequence[str], number: int, mailbox: Any) -> tuple[int, str]:
    """The exit code, and the error if there is one; how far it is goes to the mailbox."""
    command = [sys.executable, "-P", "-c", _START, str(os.getpid()), *arguments]
    environment = {name: value for name, value in os.environ.items() if name != "COMPRESSOR_NOTIFY"}
    error, last = "", deque[str](maxlen=_KEPT)
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            last.append(line)
            event: dict[str, Any] = {}
            with suppress(ValueError):
                event = json.loads(line)
            if not isinstance(event, dict) or "event" not in event:
                continue
            if event["event"] == "error":
                error = str(event.get("message", ""))
            elif event["event"] == "warning":
                mailbox.tell.remote(number, "warning", str(event.get("message", "")))
            elif "step" in event and event["event"] in ("step_started", "training_started", "measuring"):
                mailbox.tell.remote(number, "doing", _text(event))
        code = process.wait()
    except BaseException:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE)
        process.kill()
        raise
    if code not in (ExitCode.DONE, ExitCode.CONSTRAINT) and not error:
        error = f"the process ended with {code}: {''.join(last).strip()}"
    return code, error


def _text(event: dict[str, Any]) -> str:
    if event["event"] == "training_started":
        return f"{event['step']}: training, {event.get('epochs')} epochs"
    return f"{event['step']}{': measuring' if event['event'] == 'measuring' else ''}"
