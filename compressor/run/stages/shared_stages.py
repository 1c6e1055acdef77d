"""Sends models and checkpoints from worker 0, which alone has the cache, to the other workers of a run.

A step that trains is made by all of them together, and every other by worker 0 alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter

from compressor.base.atomic_files import write_whole
from compressor.base.errors import WorkerError
from compressor.run.stages.checkpoints import KeptCheckpoints
from compressor.run.stages.model_file import ModelFacts, ModelFile

if TYPE_CHECKING:
    from compressor.training.worker_group import WorkerGroup

_TOGETHER: Final = b"together"  # told in place of a file that all workers make
_LINE: Final = b"\n"


def make_together(group: WorkerGroup) -> None:
    """Tell the other workers that the next step is made by all; worker 0 calls this."""
    group.tell(_TOGETHER)


def sent(group: WorkerGroup, file: ModelFile) -> ModelFile:
    """A model's file, which worker 0 has sent to all others."""
    facts = {"facts": asdict(file.facts), "digest": file.digest, "suffix": file.path.suffix, "cached": file.cached}
    group.tell(json.dumps(facts).encode() + _LINE + file.path.read_bytes())
    return file


def taken(group: WorkerGroup, folder: Path, stem: str) -> ModelFile | None:
    """The file that worker 0 sends, in a folder of this worker; None if all make it together."""
    content = group.hear()
    if content == _TOGETHER:
        return None
    line, _, model = content.partition(_LINE)
    told = json.loads(line)
    path = folder / f"{stem}{told['suffix']}"
    write_whole(path, model)
    facts = TypeAdapter(ModelFacts).validate_python(told["facts"])
    return ModelFile(path, told["digest"], facts, told["cached"])


def agreed(group: WorkerGroup, file: ModelFile, stem: str, step: str, warn: Callable[[str], None]) -> ModelFile:
    """The file of a model that all workers have made: that of worker 0 counts, and who made another one is told.

    Args:
        group: of the workers.
        file: what this worker has made.
        stem: of the file's name.
        step: id of the step.
        warn: is told of workers that made another file.
    """
    digests = [content.decode() for content in group.gather(file.digest.encode())]
    others = [index for index, digest in enumerate(digests) if digest != file.digest]
    if others:
        names = " and ".join(map(group.addresses.name, others))
        warn(
            f"{names} made other bytes in '{step}' than {group.addresses.name(0)}, whose file counts: their processors "
            "round differently, so that the same machines are needed to make these bytes again"
        )
    if not json.loads(group.share(json.dumps(others).encode())):
        return file
    return sent(group, file) if group.leads else taken(group, file.path.parent, stem) or file


class SharedCheckpoints:
    """The checkpoints of one step's trainings, which worker 0 keeps, and from which all go on."""

    def __init__(self, group: WorkerGroup, kept: KeptCheckpoints | None) -> None:
        """Share them.

        Args:
            group: of the workers.
            kept: the checkpoints of worker 0; None for the others.
        """
        self._group = group
        self._kept = kept

    def load(self, fit: int) -> bytes | None:
        """The state last saved by worker 0, or None."""
        state = self._kept.load(fit) if self._kept else None
        told = self._group.share(b"" if state is None else b"+" + state)
        return told[1:] if told else None

    def save(self, fit: int, state: bytes) -> None:
        """Have worker 0 write a state in place of the last one."""
        if self._kept is not None:
            self._kept.save(fit, state)


def refuse_unlike(group: WorkerGroup, facts: Mapping[str, Any], compare: Callable[[Any, Any], list[str]]) -> None:
    """Refuse workers that differ in what must be alike.

    Args:
        group: of the workers.
        facts: what must be alike, of this worker.
        compare: names what differs between worker 0 and another one.

    Raises:
        WorkerError: on worker 0, for those that differ; with every difference.
    """
    every = [json.loads(content) for content in group.gather(json.dumps(facts, sort_keys=True).encode())]
    lines = []
    for index, others in enumerate(every):
        if differences := compare(every[0], others):
            lines += [f"{group.addresses.name(index)} differs from {group.addresses.name(0)}:"]
            lines += [f"  {line}" for line in differences]
    if lines:
        raise WorkerError("\n".join(lines), "make these alike on all machines")
