"""The parts of the cache's keys: everything that can change a result.

That is content rather than names or paths, all parameters, the versions of the libraries, and the code that makes or
measures the result.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from compressor.base.hashing import file_digest
from compressor.base.import_path import module_part, without_folder
from compressor.base.machine import DEFAULT_THREADS
from compressor.base.path_or_function import Reference, is_there
from compressor.base.versions import versions
from compressor.contracts.configured_metric import ConfiguredMetric, FunctionMetric
from compressor.contracts.execution_plan import Plan, PlannedStep
from compressor.contracts.sources import Dataset, ModelSource
from compressor.models.files.devices import computing_conditions
from compressor.models.files.tensorflow_setup import threads_in_use
from compressor.recipe.loss_names import loss_functions
from compressor.recipe.runtime_section import RuntimeSection
from compressor.run.cache.code_digest import code_digest, core_digest
from compressor.run.cache.declared_dependencies import declared

Parts: TypeAlias = Mapping[str, Any]

# whole rooms, since a list of modules may miss one; a test compares them with what making and measuring import
_COMMON_ROOMS = ("__init__", "base", "recipe", "data", "contracts", "run/stages")
_KERAS_ROOMS = (
    "models/__init__", "models/declared_sizes", "models/library_errors",
    "models/files", "models/keras3", "models/litert",
)  # fmt: skip
_MAKING_ROOMS = (*_COMMON_ROOMS, *_KERAS_ROOMS, "training")
_PACKING_ROOMS = ("models/packing",)  # on top, for a step on a file: Keras models are not packed
_MEASURING_ROOMS = (*_COMMON_ROOMS, "models", "measure")


def step_parts(
    step: PlannedStep,
    model: str,
    loaded: Sequence[str],
    data: str,
    plan: Plan,
    teacher: Parts | None = None,
    was_open: Parts | None = None,
) -> Parts:
    """The parts of a step's key: everything that the model it returns depends on.

    Args:
        step: the step.
        model: hash of the model that the step gets.
        loaded: hashes of the code that loading that model runs.
        data: hash of the training and validation splits.
        plan: the plan, for its seed and its threads, and for whether it is a smoke run.
        teacher: the result of `teacher_parts`, if the step has a teacher.
        was_open: the shapes of the inputs that the run's model left open, which a file keeps open where it can.
    """
    by_content = {"teacher": {"source", "with_"}} if teacher else set()
    return {
        "model": model,
        "code in the model": list(loaded),
        "open sizes": was_open or {},
        "state": str(step.before),
        "strategy": step.uses,
        "provider": step.provider.full,
        "code of the strategy": code_digest(type(step.strategy).__module__),
        "parameters": _portable(step.strategy.params.model_dump(mode="json", by_alias=True, exclude=by_content)),
        "declared": declared(step),
        "teacher": teacher,
        "code of the losses": _loss_code(step),
        "scored by": _scored_by(step, plan),
        "data": data,
        "seed": plan.seed,
        "smoke": plan.smoke,
        **computing_parts(plan.threads, plan.runtime),
        "versions": versions(),
        "code of the engine": core_digest(_MAKING_ROOMS),
        "code for files": core_digest(_PACKING_ROOMS) if step.before.format != "keras" else "",
    }


def computing_parts(threads: int, runtime: RuntimeSection | None = None) -> Parts:
    """What sums are rounded by: TensorFlow's number of threads in this process, and the conditions of the machine.

    With `runtime` they are those of what a training makes.
    """
    return {"threads": threads_in_use(threads), "environment": computing_conditions(runtime)}


def _scored_by(step: PlannedStep, plan: Plan) -> Parts | None:
    """The parts that the scores depend on, for a strategy that uses scores."""
    if not step.strategy.scores:
        return None
    configured = plan.metrics[0]
    return {
        "metric": _metric_parts(configured),
        "code": core_digest(_MEASURING_ROOMS),
    }


def _metric_parts(configured: ConfiguredMetric) -> Parts:
    """Everything that a metric's values depend on: its code, its parameters, and the output that it measures."""
    metric = configured.metric
    parts = {
        "code": code_digest(type(metric).__module__),
        "output": configured.output,
        "parameters": metric.params.model_dump(mode="json"),
    }
    if not isinstance(metric, FunctionMetric):
        return parts
    code = code_digest(module_part(metric.target))
    return {
        **parts,
        "function": without_folder(metric.target),
        "arguments": metric.arguments,
        "code of the function": code,
    }


def teacher_parts(model: str, loaded: Sequence[str]) -> Parts:
    """The parts of a teacher: the hash of its model, and those of the code that loading it runs."""
    return {"model": model, "code in the model": list(loaded)}


def measurement_parts(
    model: str,
    loaded: Sequence[str],
    state: str,
    data: str,
    metrics: Sequence[ConfiguredMetric],
    made_of: str = "",
    was_open: Parts | None = None,
    threads: int = DEFAULT_THREADS,
    weight_bits: int | None = None,
) -> Parts:
    """The parts of a measurement's key: hashes of the model and of the data, the metrics, and the code.

    `made_of` is the hash of the file that the model is held against, where it is no Keras model, and `was_open` are the
    shapes of the inputs that the run's model left open. `weight_bits` are those that the model's weights resolve, where
    a step made them coarser than their type.
    """
    return {
        "model": model,
        "code in the model": list(loaded),
        "open sizes": was_open or {},
        "state": state,
        "made of": made_of,
        "weight bits": weight_bits,
        "data": data,
        "metrics": {configured.name: _metric_parts(configured) for configured in metrics},
        **computing_parts(threads),
        "versions": versions(),
        "code of the measuring": core_digest(_MEASURING_ROOMS),
    }


def source_parts(plan: Plan, sized_by_data: bool = False) -> Parts | None:
    """The parts of the key of the model that a run starts from; None if the model must be built to know them.

    With `sized_by_data` they are those of a model with open sizes, which is built for the samples of the data.
    """
    parts = origin_parts("model", plan)
    data = data_parts(plan) if sized_by_data else None
    if parts is None or (sized_by_data and data is None):
        return None
    return {
        "source model": parts,
        "input shape": plan.recipe.model.input_shape,
        "sized by": data,
        "code in the model": loading_code(plan, ()),
        "custom objects": _portable(plan.recipe.model.custom_objects),
        "trusted": plan.trust_model,
        "seed": plan.seed,
        **computing_parts(plan.threads),
        "versions": versions(),
        "code": core_digest((*_MAKING_ROOMS, *_PACKING_ROOMS)),
    }


def data_parts(plan: Plan) -> Parts | None:
    """The parts that the splits of a run depend on; None if the data must be loaded to know them."""
    parts = origin_parts("data", plan)
    section = plan.recipe.data.model_dump(mode="json", by_alias=True, exclude={"source"})
    return parts and {"data": parts, "section": section, "seed": plan.seed, "smoke": plan.smoke}


def loading_code(plan: Plan, steps: Sequence[PlannedStep]) -> list[str]:
    """Hashes of the code that runs when the model after these steps is loaded; empty for a LiteRT file.

    A Keras file refers to layers and quantizers by name, and other code under the same names makes another model.
    """
    if (steps[-1].after if steps else plan.start).format != "keras":
        return []
    modules = {type(step.strategy).__module__ for step in steps}
    modules |= set(map(module_part, plan.recipe.model.custom_objects))
    if isinstance(plan.model, ModelSource):
        modules.add(type(plan.model).__module__)
    return sorted({code_digest(module) for module in modules})


def note_name(plan: Plan, step_id: str) -> str:
    """The name under which the cache notes the parts of a step's key, to show later what has changed."""
    return f"step {plan.recipe.name}/{step_id}{' smoke' if plan.smoke else ''}"


def _loss_code(step: PlannedStep) -> list[str]:
    """Hashes of the code of the user's own losses."""
    return [code_digest(module_part(name)) for name in loss_functions(step.strategy.params)]


def _portable(values: Any) -> Any:
    """The values with the names of Python files in place of their paths: where a file is changes nothing."""
    if isinstance(values, Mapping):
        return {key: _portable(value) for key, value in values.items()}
    if isinstance(values, list):
        return list(map(_portable, values))
    return without_folder(values) if isinstance(values, str) else values


def origin_parts(part: str, plan: Plan) -> Parts | None:
    """Identify the source of a plan's `model` or `data` by its content; None if it must be loaded to know that."""
    source: ModelSource | Dataset | Reference = plan.model if part == "model" else plan.data
    if isinstance(source, Reference):
        path = Path(source.target)
        return {"content": file_digest(path)} if source.kind == "path" and is_there(path) else None
    if not source.repeatable:
        return None
    params = json.loads(source.params.model_dump_json(by_alias=True))
    code = code_digest(type(source).__module__)
    return {"name": source.name, "provider": plan.origins[part].full, "parameters": params, "code": code}
