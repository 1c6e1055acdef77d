"""`lock.yaml`: all that a result came from, and the hashes of its files, so that it can be made again and proven."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from compressor.errors import CompressorError, StepError
from compressor.keys import file_digest, versions
from compressor.params import Params
from compressor.planner import Plan
from compressor.recipe.document import dump, read
from compressor.recipe.load import validate_as_json

NAME = "lock.yaml"


class LockedError(CompressorError):
    """Something has moved since the lock was written."""


class Lock(Params):
    """What a run was made of. Hashes are SHA-256, in hexadecimal."""

    version: Literal[1] = 1
    recipe: dict[str, Any]
    seed: int
    smoke: bool
    tool: str
    plugins: dict[str, str]
    versions: dict[str, str]
    fingerprints: dict[str, str]
    files: dict[str, str] = {}


def lock_of(plan: Plan, fingerprints: Mapping[str, str]) -> Lock:
    """The lock of a run, before it has made any file."""
    from importlib.metadata import version

    return Lock(
        recipe=plan.recipe.tree.plain(),
        seed=plan.seed,
        smoke=plan.smoke,
        tool=version("compressor"),
        plugins={step.id: str(step.provider) for step in plan.stages},
        versions=dict(versions()),
        fingerprints=dict(fingerprints),
    )


def with_files(lock: Lock, folder: Path) -> Lock:
    """The lock with the hashes of the `.tflite` files in a run's folder."""
    paths = sorted(folder.rglob("*.tflite"))
    return lock.model_copy(update={"files": {path.relative_to(folder).as_posix(): file_digest(path) for path in paths}})


def lock_text(lock: Lock) -> str:
    """The lock as it is written."""
    return (
        "# What this result was made of. `compressor apply RECIPE --locked lock.yaml` makes it again, or refuses.\n"
        + dump(lock.model_dump(mode="json"))
    )


def read_lock(path: Path) -> Lock:
    """A lock from its file.

    Raises:
        RecipeError: the file cannot be read.
        LockedError: it is no lock.
    """
    try:
        lock: Lock = validate_as_json(Lock, read(path))
    except ValidationError:
        raise LockedError(f"{path} is not a lock file", "name the lock.yaml of a run") from None
    return lock


def refuse_moved(locked: Lock, now: Lock) -> None:
    """Compare all that is known before a run.

    Raises:
        LockedError: with every difference.
    """
    differences = list(_differences(locked.model_dump(exclude={"files"}), now.model_dump(exclude={"files"})))
    if differences:
        what = "the run differs from the locked one:\n" + "\n".join(f"  {line}" for line in differences) + "\n"
        raise LockedError(what.rstrip(), "put these back, or run without --locked to make a new lock")


def refuse_other_files(locked: Lock, now: Lock) -> None:
    """Compare the files that a run made.

    Raises:
        StepError: one is not the locked one.
    """
    other = [name for name, digest in locked.files.items() if now.files.get(name) != digest]
    if other:
        remedy = "check that the machine is of the same kind, or run without --locked to make a new lock"
        raise StepError(f"not the locked bytes: {', '.join(other)}", remedy)


def _differences(old: Any, new: Any, name: str = "") -> list[str]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        keys = sorted(old.keys() | new.keys())
        return [line for key in keys for line in _differences(old.get(key), new.get(key), f"{name}.{key}".lstrip("."))]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [line for index, (one, two) in pairs for line in _differences(one, two, f"{name}.{index}")]
    return [] if old == new else [f"{name}: locked {old!r}, now {new!r}"]
