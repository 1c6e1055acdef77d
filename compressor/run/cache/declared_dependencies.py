"""What strategies say that their results depend on, as hashes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from compressor.base.errors import StepError
from compressor.base.hashing import bytes_digest, file_digest
from compressor.base.path_or_function import is_there
from compressor.base.plugin_errors import fenced
from compressor.contracts.dependencies import DependsOn
from compressor.contracts.execution_plan import Plan, PlannedStep

_MISSING = "missing"


def declared(step: PlannedStep) -> dict[str, str]:
    """What a step depends on by its strategy's word: SHA-256 of values and files, by what they are.

    Raises:
        StepError: the strategy fails, returns something else, or names what is no file.
    """
    strategy = f"the strategy '{step.uses}' ({step.provider})"
    with fenced(strategy, StepError):
        depends: object = step.strategy.depends_on()
    if not isinstance(depends, DependsOn):
        what = f"{strategy} returned {type(depends).__name__} from 'depends_on'"
        raise StepError(what, "it must return a compressor.DependsOn")
    parts = {f"variable {name}": _value_digest(os.environ.get(name)) for name in depends.environment}
    parts |= {f"file {path}": _content_digest(Path(path), strategy) for path in depends.files}
    return parts | ({"digest": str(depends.digest)} if depends.digest else {})


def all_declared(plan: Plan) -> dict[str, dict[str, str]]:
    """What the steps of a plan and of its teachers' plans depend on, by step; steps without any are left out."""
    plans: Mapping[str, Plan] = {"": plan, **{f"teacher {name}/": teacher for name, teacher in plan.teachers.items()}}
    steps = {f"{prefix}{step.id}": declared(step) for prefix, each in plans.items() for step in each.stages}
    return {name: parts for name, parts in steps.items() if parts}


def _value_digest(value: str | None) -> str:
    return _MISSING if value is None else bytes_digest(os.fsencode(value))


def _content_digest(path: Path, strategy: str) -> str:
    if not is_there(path):
        return _MISSING
    if not path.is_file():
        raise StepError(f"{strategy} depends on {path}, which is no file", "it must name the files that it reads")
    return file_digest(path)
