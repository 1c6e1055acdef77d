"""Imports a plugin's module in a process of its own, and tells what that imported, printed, changed, and planned."""

from __future__ import annotations

import importlib
import importlib.util
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

from compressor.base.errors import CompressorError
from compressor.base.import_path import module_of
from compressor.base.plugin_errors import fenced
from compressor.base.process_state import process_state_kept
from compressor.contracts.execution_plan import IN_MEMORY, PlannedStep, Provider
from compressor.contracts.model_state import ModelState, Refusal, Trait
from compressor.planning.plugin_checks import Kind
from compressor.planning.plugin_instances import instance_of
from compressor.planning.registry import HEAVY, Entry
from compressor.planning.step_order import state_after
from compressor.recipe.tree import from_data
from compressor.testing.check_record import NotRun

_LONGEST = 60.0  # seconds
_RUN = "from compressor.testing.fresh_process import main; main()"

_PLANS: tuple[tuple[Trait, ...], ...] = ((), ("sparse",), ("clustered",), ("sparse", "clustered"))
STATES: tuple[ModelState, ...] = (
    *(ModelState("keras", frozenset(traits)) for traits in _PLANS),
    *(ModelState("keras", frozenset((*traits, "quantization_aware")), "int8") for traits in _PLANS),
    *(ModelState("litert", frozenset(traits)) for traits in _PLANS),
    *(ModelState("litert", frozenset((*traits, "quantized"))) for traits in _PLANS),
    ModelState("package", frozenset({"quantized"})),
)
"""The states that a model may be in when a step gets it."""


@dataclass
class Seen:
    """What was seen. `failure` tells how the import failed, empty if it did not; the rest is then empty.

    `imported` and `imported_to_plan` name large libraries. `changed` is what the import changed for the whole process,
    `printed` what it printed. `plans` are what `plan` returned for each of `STATES`, for strategies.
    """

    failure: str = ""
    imported: list[str] = field(default_factory=list)
    imported_to_plan: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    printed: str = ""
    plans: list[str] = field(default_factory=list)


def seen_by_a_fresh_process(cls: type[Any], kind: Kind, values: Mapping[str, Any], folder: Path) -> Seen:
    """What a process sees that imports the class's module and nothing else.

    Args:
        cls: the class.
        kind: of plugin.
        values: its parameters.
        folder: for the file that the process answers by.

    Raises:
        NotRun: the class is defined where no other process finds it.
    """
    module = sys.modules.get(cls.__module__)
    file = getattr(module, "__file__", None)
    if "<locals>" in cls.__qualname__ or file is None:
        raise NotRun("the class is defined where no other process can import it: in a function or a notebook")
    answer = folder / "seen.json"
    question = {
        "module": cls.__module__, "file": file, "class": cls.__qualname__, "kind": kind, "values": dict(values),
        "path": sys.path, "answer": str(answer),
    }  # fmt: skip
    try:
        done = subprocess.run(
            [sys.executable, "-c", _RUN],
            input=json.dumps(question, default=str),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LONGEST,
        )
    except subprocess.TimeoutExpired:
        return Seen(f"it took more than {_LONGEST:g} s")
    if not answer.exists():
        lines = done.stderr.strip().splitlines()
        return Seen(f"it ended the process with code {done.returncode}{f': {lines[-1]}' if lines else ''}")
    seen = Seen(**json.loads(answer.read_text()))
    seen.printed = done.stdout
    return seen


def planned_for(strategy: Any, states: Sequence[ModelState] = STATES) -> list[str]:
    """In a word each, what a strategy's `plan` returns for models in these states."""
    step = PlannedStep("step", strategy, Provider("under-test", IN_MEMORY), ModelState(), ModelState())
    return [_described(step, state) for state in states]


def _described(step: PlannedStep, state: ModelState) -> str:
    try:
        after = state_after(step, state)
    except CompressorError as error:
        return f"an error: {error}"
    return f"refused: {after.reason}" if isinstance(after, Refusal) else f"{after}; gave up {after.dropped}"


def main() -> None:
    """Read on standard input what to import, and write what was seen into a file."""
    question = json.load(sys.stdin)
    sys.path[:] = question["path"]
    seen = Seen()
    before = set(sys.modules)
    try:
        with fenced("importing it", CompressorError), process_state_kept(seen.changed.append):
            cls = _class_of(question)
    except CompressorError as error:
        seen.failure = error.what
    seen.imported = _heavy(before)
    if not seen.failure and question["kind"] == "strategy":
        before = set(sys.modules)
        try:
            entry = Entry(cls, Provider("under-test", IN_MEMORY))
            strategy = instance_of(cast("Kind", question["kind"]), entry, from_data(question["values"]))
        except CompressorError:
            pass  # another check tells why no instance can be made
        else:
            seen.plans = planned_for(strategy)
        seen.imported_to_plan = _heavy(before)
    Path(question["answer"]).write_text(json.dumps(asdict(seen)))


def _class_of(question: Mapping[str, str]) -> Any:
    found: Any = _module_of(question["module"], Path(question["file"]))
    for name in question["class"].split("."):
        found = getattr(found, name)
    return found


def _module_of(name: str, file: Path) -> Any:
    """The module, by its name where that leads to its file, and by its file otherwise."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        spec = None
    if spec is not None and spec.origin is not None and Path(spec.origin).resolve() == file.resolve():
        return importlib.import_module(name)
    return module_of(file.read_bytes(), file)


def _heavy(before: set[str]) -> list[str]:
    return [name for name in HEAVY if name in sys.modules and name not in before]
