"""`lock.yaml`: everything that a result depends on and the hashes of its files, to reproduce and verify it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from compressor.base.errors import CompressorError, StepError
from compressor.base.file_limits import content_of
from compressor.base.import_path import local_module, module_part
from compressor.base.machine import processor
from compressor.base.params import Params
from compressor.base.path_or_function import Reference
from compressor.base.versions import versions
from compressor.contracts.execution_plan import Plan
from compressor.models.files.devices import computing_conditions
from compressor.models.files.tensorflow_setup import threads_in_use
from compressor.planning.recipe_paths import portable
from compressor.recipe.document import dump, read
from compressor.recipe.load import validate_as_json
from compressor.run.cache.code_digest import code_digest, core_digest, owner
from compressor.run.cache.declared_dependencies import all_declared

NAME = "lock.yaml"


class LockedError(CompressorError):
    """Something has changed since the lock was written."""


class Lock(Params):
    """Everything that a run depends on. Hashes are SHA-256, in hexadecimal.

    `processor` is for people: two processors of different names may well give the same bytes.
    """

    version: Literal[1] = 1
    recipe: dict[str, Any]
    teachers: dict[str, dict[str, Any]] = {}
    seed: int
    smoke: bool
    tool: str
    plugins: dict[str, str]
    code: dict[str, str]
    depends_on: dict[str, dict[str, str]] = {}
    versions: dict[str, str]
    fingerprints: dict[str, str]
    threads: int | None = None  # a lock of earlier versions has neither of these
    environment: dict[str, str] = {}
    processor: str = ""
    files: dict[str, str] = {}


def lock_of(plan: Plan, fingerprints: Mapping[str, str]) -> Lock:
    """The lock of a run that has not written any file yet."""
    from importlib.metadata import version

    origins = dict(plan.origins) | {f"step {step.id}": step.provider for step in plan.stages}
    return Lock(
        recipe=portable(plan.recipe),
        teachers={name: portable(teacher.recipe) for name, teacher in plan.teachers.items()},
        seed=plan.seed,
        smoke=plan.smoke,
        tool=version("compressor"),
        plugins={name: provider.full for name, provider in origins.items()},
        code=_code(plan),
        depends_on=all_declared(plan),
        versions=dict(versions()),
        fingerprints=dict(fingerprints),
        threads=threads_in_use(plan.threads),
        environment=dict(computing_conditions(plan.runtime)),
        processor=processor(),
    )


def with_files(lock: Lock, files: Mapping[str, str]) -> Lock:
    """The lock with the hashes of the files that the run wrote, by their names in its folder."""
    return lock.model_copy(update={"files": dict(sorted(files.items()))})


def lock_text(lock: Lock) -> str:
    """The text of the lock's file."""
    return (
        "# Everything that this result depends on. `compressor apply RECIPE --locked lock.yaml` reproduces it.\n"
        + dump(lock.model_dump(mode="json"))
    )


def read_lock(path: Path) -> Lock:
    """Read a lock from its file.

    Raises:
        RecipeError: the file cannot be read.
        LockedError: it is not a lock.
    """
    try:
        lock: Lock = validate_as_json(Lock, read(path))
    except ValidationError:
        raise LockedError(f"{path} is not a lock file", "name the lock.yaml of a run") from None
    return lock


def with_locked_threads(plan: Plan, locked: Lock) -> Plan:
    """The plan with the threads that the locked run was made with: a notebook may have used others than its recipe."""
    return replace(plan, threads=locked.threads or plan.threads)


def refuse_moved(locked: Lock, now: Lock) -> None:
    """Compare everything that is known before a run.

    Raises:
        LockedError: with every difference.
    """
    told_after = {"files", "processor"}
    moved = differences(locked.model_dump(exclude=told_after), now.model_dump(exclude=told_after))
    if moved:
        what = "the run differs from the locked one:\n" + "\n".join(f"  {line}" for line in moved) + "\n"
        raise LockedError(
            what.rstrip(), f"{_restart(locked, now)}put these back, or run without --locked to make a new lock"
        )


def _restart(locked: Lock, now: Lock) -> str:
    """The start of a remedy if TensorFlow already computes with other threads than the lock says, which stays so."""
    if locked.threads in (None, now.threads):
        return ""
    return (
        f"TensorFlow already computes with {now.threads} threads in this process, and keeps that number: run it in a "
        "new process, or restart the notebook's kernel; "
    )


def refuse_other_files(locked: Lock, now: Lock) -> None:
    """Compare the files that a run wrote.

    Raises:
        StepError: the bytes of a file differ from the locked ones.
    """
    different = [name for name, digest in locked.files.items() if now.files.get(name) != digest]
    if different:
        machine = "check that the machine is of the same kind"
        if locked.processor not in ("", now.processor):
            machine = f"they were made on another processor ('{locked.processor}', and this is '{now.processor}')"
        remedy = f"{machine}, or run without --locked to make a new lock"
        raise StepError(f"files differ from the locked ones: {', '.join(different)}", remedy)


def _code(plan: Plan) -> dict[str, str]:
    """The hashes of all code that a run runs, by package or module; the recipe's own plugin files go by file name."""
    plans = (plan, *plan.teachers.values())
    instances: list[Any] = [source for each in plans for source in (each.model, each.data)]
    instances += [
        *(step.strategy for each in plans for step in each.stages),
        *(configured.metric for configured in plan.metrics),
    ]
    modules = {type(instance).__module__ for instance in instances if not isinstance(instance, Reference)}
    functions = [name for each in plans for name in (*each.own_functions, *each.recipe.model.custom_objects)]
    modules |= set(map(module_part, functions))
    local = {local_module(content_of(path), path): path.name for each in plans for path in each.plugin_files}
    outside = {module for module in modules - local.keys() if module.partition(".")[0] != "compressor"}
    digests = {owner(module): code_digest(module) for module in outside} | {"compressor": core_digest()}
    for module, name in local.items():
        while name in digests:  # a file of the same name in another folder
            name = f"{name} too"
        digests[name] = code_digest(module)
    return dict(sorted(digests.items()))


def differences(old: Any, new: Any, name: str = "", told: tuple[str, str] = ("locked", "now")) -> list[str]:
    """A line for every value that differs, with its name and both values, and with words for which is which."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        keys = sorted(old.keys() | new.keys())
        return [
            line for key in keys for line in differences(old.get(key), new.get(key), f"{name}.{key}".lstrip("."), told)
        ]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [line for index, (a, b) in pairs for line in differences(a, b, f"{name}.{index}", told)]
    return [] if old == new else [f"{name}: {told[0]} {old!r}, {told[1]} {new!r}"]
