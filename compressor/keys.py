"""What a result depends on: the parts of the cache's keys.

Whatever can change a result is a part: content and not names or paths, parameters in full, the versions of the
libraries, and the very code that makes or measures it.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from compressor.chain import PlannedStep
from compressor.judges import Judge
from compressor.planner import Plan
from compressor.sources import Reference
from compressor.strategy import Dataset, ModelSource

Parts: TypeAlias = Mapping[str, Any]

_MAKING = ("tensorflow", "tf_keras", "tensorflow-model-optimization", "ai-edge-litert", "litert-quantizer", "numpy")
_MAKING_CODE = (
    "checkpoints", "data", "endings", "engine", "export", "flatbuffer", "keras_files", "losses", "params", "sources",
    "strategy", "tensorflow_setup", "training", "training_state",
)  # fmt: skip
_MEASURING_CODE = (
    "agreement", "anatomy", "data", "endings", "evaluation", "export", "flatbuffer", "judges", "litert", "strategy",
)  # fmt: skip


def step_parts(step: PlannedStep, model: str, data: str, plan: Plan) -> Parts:
    """What the model that a step leaves depends on.

    Args:
        step: the step.
        model: hash of the model that it gets.
        data: hash of the training and validation splits.
        plan: for the seed, and whether this is a smoke run.
    """
    return {
        "model": model,
        "state": str(step.before),
        "strategy": step.uses,
        "provider": str(step.provider),
        "code of the strategy": package_digest(type(step.strategy)),
        "parameters": step.strategy.params.model_dump(mode="json", by_alias=True),
        "data": data,
        "seed": plan.seed,
        "smoke": plan.smoke,
        "versions": versions(),
        "code of the engine": core_digest(_MAKING_CODE),
    }


def measurement_parts(model: str, state: str, data: str, judges: Sequence[Judge]) -> Parts:
    """What a measurement depends on: the hashes of the model and of the test split, the metrics, and the code."""
    return {
        "model": model,
        "state": state,
        "data": data,
        "metrics": {judge.name: judge.parts(package_digest(type(judge.metric))) for judge in judges},
        "versions": versions(),
        "code of the measuring": core_digest(_MEASURING_CODE),
    }


def source_parts(plan: Plan) -> Parts | None:
    """What the model that a run starts from depends on; None where only building it can tell."""
    parts = _origin(plan.model)
    core = core_digest(_MAKING_CODE)
    trusted = plan.trust_model
    return parts and {
        "source model": parts,
        "trusted": trusted,
        "seed": plan.seed,
        "versions": versions(),
        "code": core,
    }


def data_parts(plan: Plan) -> Parts | None:
    """What the splits of a run depend on; None where only loading them can tell."""
    parts = _origin(plan.data)
    split = plan.recipe.data.validation_split
    return parts and {"data": parts, "validation_split": split, "seed": plan.seed, "smoke": plan.smoke}


def note_name(plan: Plan, step_id: str) -> str:
    """What the cache remembers the parts of a step's key under, to tell later what has changed."""
    return f"step {plan.recipe.name}/{step_id}{' smoke' if plan.smoke else ''}"


def file_digest(path: Path) -> str:
    """SHA-256 of a file, or of all files in a folder with their names, in hexadecimal."""
    if path.is_dir():
        digest = hashlib.sha256()
        for below in sorted(path.rglob("*")):
            if below.is_file():
                digest.update(f"{below.relative_to(path)}\0{file_digest(below)}\0".encode())
        return digest.hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@cache
def versions() -> Mapping[str, str]:
    """Versions of Python's minor release and of the libraries that make and measure models."""
    found = {"python": f"{sys.version_info.major}.{sys.version_info.minor}"}
    for name in _MAKING:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


@cache
def package_digest(cls: type[Any]) -> str:
    """SHA-256 of all Python files of the package that a class comes from, so that an edit changes the key at once."""
    name = cls.__module__.partition(".")[0]
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if file is None:
        return "no file"
    path = Path(file)
    paths = sorted(path.parent.rglob("*.py")) if path.name == "__init__.py" else [path]
    return _source_digest(path.parent, paths)


@cache
def core_digest(modules: Sequence[str]) -> str:
    """SHA-256 of modules of the core."""
    folder = Path(__file__).parent
    return _source_digest(folder, [folder / f"{name}.py" for name in modules])


def _source_digest(folder: Path, paths: Sequence[Path]) -> str:
    named = (f"{path.relative_to(folder).as_posix()}\0{file_digest(path)}\0" for path in paths)
    return hashlib.sha256("".join(named).encode()).hexdigest()


def _origin(source: ModelSource | Dataset | Reference) -> Parts | None:
    if isinstance(source, Reference):
        path = Path(source.target)
        return {"content": file_digest(path)} if source.kind == "path" and path.exists() else None
    if not source.repeatable:
        return None
    params = json.loads(source.params.model_dump_json(by_alias=True))
    return {"name": source.name, "parameters": params, "code": package_digest(type(source))}
