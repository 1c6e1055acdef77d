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
import uuid
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

from compressor.chain import PlannedStep
from compressor.planner import Plan
from compressor.sources import Reference
from compressor.strategy import Dataset, Metric, ModelSource

Parts: TypeAlias = Mapping[str, Any]

_MAKING = ("tensorflow", "tf_keras", "tensorflow-model-optimization", "ai-edge-litert", "litert-quantizer", "numpy")
_MAKING_CODE = (
    "checkpoints", "custom_objects", "data", "engine", "export", "flatbuffer", "inputs", "keras_files", "params",
    "sources", "stage_files", "strategy", "tensorflow_setup", "training", "training_state",
)  # fmt: skip
_MEASURING_CODE = ("anatomy", "evaluation", "export", "flatbuffer", "litert", "data")


def step_parts(step: PlannedStep, model: str, loaded: Sequence[str], data: str, plan: Plan) -> Parts:
    """What the model that a step leaves depends on.

    Args:
        step: the step.
        model: hash of the model that it gets.
        loaded: hashes of the code that loading that model runs.
        data: hash of the training and validation splits.
        plan: for the seed, and whether this is a smoke run.
    """
    return {
        "model": model,
        "code in the model": list(loaded),
        "state": str(step.before),
        "strategy": step.uses,
        "provider": step.provider.full,
        "code of the strategy": code_digest(type(step.strategy).__module__),
        "parameters": step.strategy.params.model_dump(mode="json", by_alias=True),
        "data": data,
        "seed": plan.seed,
        "smoke": plan.smoke,
        "versions": versions(),
        "code of the engine": core_digest(_MAKING_CODE),
    }


def measurement_parts(model: str, loaded: Sequence[str], state: str, data: str, metrics: Sequence[Metric]) -> Parts:
    """What a measurement depends on: the hashes of the model and of the test split, the metrics, and the code."""
    return {
        "model": model,
        "code in the model": list(loaded),
        "state": state,
        "data": data,
        "metrics": {metric.name: code_digest(type(metric).__module__) for metric in metrics},
        "versions": versions(),
        "code of the measuring": core_digest(_MEASURING_CODE),
    }


def source_parts(plan: Plan) -> Parts | None:
    """What the model that a run starts from depends on; None where only building it can tell."""
    parts = _origin("model", plan)
    return parts and {
        "source model": parts,
        "code in the model": loading_code(plan, ()),
        "trusted": plan.trust_model,
        "seed": plan.seed,
        "versions": versions(),
        "code": core_digest(_MAKING_CODE),
    }


def data_parts(plan: Plan) -> Parts | None:
    """What the splits of a run depend on; None where only loading them can tell."""
    parts = _origin("data", plan)
    section = plan.recipe.data.model_dump(mode="json", by_alias=True, exclude={"source"})
    return parts and {"data": parts, "section": section, "seed": plan.seed, "smoke": plan.smoke}


def loading_code(plan: Plan, steps: Sequence[PlannedStep]) -> list[str]:
    """Hashes of the code that runs when the model is loaded that these steps left; none for a LiteRT file.

    Keras files name layers and quantizers, and other code under the same names is another model.
    """
    if (steps[-1].after if steps else plan.start).format == "litert":
        return []
    modules = {type(step.strategy).__module__ for step in steps}
    modules |= {name.partition(":")[0] for name in plan.recipe.model.custom_objects}
    if isinstance(plan.model, ModelSource):
        modules.add(type(plan.model).__module__)
    return sorted({code_digest(module) for module in modules})


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
def code_digest(module: str) -> str:
    """SHA-256 of all Python files of the package that a module belongs to, so that an edit changes the key at once."""
    parts = module.split(".")
    for depth in range(1, len(parts) + 1):  # a namespace package has no file of its own
        file = _file_of(".".join(parts[:depth]))
        if file is not None:
            paths = sorted(file.parent.rglob("*.py")) if file.name == "__init__.py" else [file]
            return _source_digest(file.parent, paths)
    return f"unknown {uuid.uuid4()}"  # as in a notebook: nothing can be taken from the cache for it


def _file_of(module: str) -> Path | None:
    """Where a module's code is, without importing what is not imported yet."""
    found = sys.modules.get(module)
    if found is not None:
        file = getattr(found, "__file__", None)
    elif "." in module and module.rpartition(".")[0] not in sys.modules:
        return None  # looking for it would import its parent
    else:
        spec = importlib.util.find_spec(module)
        file = spec.origin if spec and spec.has_location else None
    return Path(file) if file and Path(file).is_file() else None


@cache
def core_digest(modules: Sequence[str]) -> str:
    """SHA-256 of modules and packages of the core."""
    folder = Path(__file__).parent
    found = [sorted((folder / name).rglob("*.py")) or [folder / f"{name}.py"] for name in modules]
    return _source_digest(folder, [path for paths in found for path in paths])


def _source_digest(folder: Path, paths: Sequence[Path]) -> str:
    named = (f"{path.relative_to(folder).as_posix()}\0{file_digest(path)}\0" for path in paths)
    return hashlib.sha256("".join(named).encode()).hexdigest()


def _origin(part: Literal["model", "data"], plan: Plan) -> Parts | None:
    source: ModelSource | Dataset | Reference = plan.model if part == "model" else plan.data
    if isinstance(source, Reference):
        path = Path(source.target)
        return {"content": file_digest(path)} if source.kind == "path" and path.exists() else None
    if not source.repeatable:
        return None
    params = json.loads(source.params.model_dump_json(by_alias=True))
    code = code_digest(type(source).__module__)
    return {"name": source.name, "provider": plan.origins[part].full, "parameters": params, "code": code}
