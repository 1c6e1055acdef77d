"""Collects what `debug` needs: a quantized file, its float twin, data, and a way to keep layers in more bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from compressor.base.cache_folder import default_folder
from compressor.base.errors import DataError, ModelError, StepError
from compressor.base.path_or_function import Reference
from compressor.base.plugin_errors import fenced
from compressor.base.types import Model
from compressor.contracts.configured_metric import ConfiguredMetric
from compressor.contracts.execution_plan import Plan, PlannedStep
from compressor.contracts.kept_layers import KeepsLayers
from compressor.contracts.model_state import ModelState
from compressor.data.prepared_splits import RunData
from compressor.debugging.float_twin import without_fake_quantization
from compressor.debugging.kept_layers_tryout import Maker, Requantizing, Surroundings, Unrounding
from compressor.debugging.layer_names import layer_names, strategies_for_files
from compressor.debugging.operator_graph import OperatorGraph
from compressor.measure.input_checks import shapes_of
from compressor.models.files.as_litert import shipped_bytes, with_sizes
from compressor.models.files.loading import build_model
from compressor.models.files.missing_file import refuse_missing
from compressor.models.files.untrusted import refuse_harmful_keras, refuse_harmful_litert
from compressor.models.litert.conversion.converter import to_litert
from compressor.models.litert.format.tensor_types import TensorType
from compressor.models.packing.package import unpacked
from compressor.planning import planner
from compressor.planning.registry import Registry
from compressor.run.lockfile import NAME as LOCK
from compressor.run.lockfile import read_lock
from compressor.run.named_data_and_metrics import find_data, find_metrics
from compressor.run.stages.inputs import load_data
from compressor.run.stages.model_file import ModelFacts, ModelFile
from compressor.run.stages.saved_model import SavedModel

_SUFFIXES = (".h5", ".tflite", ".tfpack")  # of a stage's model; a Keras model's file is there beside it as .tflite
_AWARE, _QUANTIZED = "quantization_aware", "quantized"


@dataclass(frozen=True)
class Subject:
    """A quantized file and what it is held against.

    `names` are the layers' names by the operators' places in the float file. `maker` is None where nothing can keep
    single layers, and `why_not` then says why.
    """

    title: str
    quantized: bytes
    exact: bytes
    names: Mapping[int, str]
    data: RunData
    metrics: Sequence[ConfiguredMetric]
    maker: Maker | None
    why_not: str = ""


def of_run(folder: Path, registry: Registry, data: str | None, metrics: Sequence[str], trusted: bool) -> Subject:
    """The quantized stage of a run.

    Args:
        folder: of the run.
        registry: the installed plugins.
        data: to use in the place of the run's own, as on the command line.
        metrics: likewise.
        trusted: the user vouches for the model's file, so code in it may run.

    Raises:
        ModelError: this is no run with a quantized stage.
        DataError: the run's data is not what it was.
    """
    plan = _plan_of(folder, registry, trusted)
    place, step = _quantizing(plan, folder)
    stages = plan.stages
    quantized_here = _QUANTIZED in step.after.traits
    before = _stage(plan, folder, stages[:place] if quantized_here else stages[: place + 1])
    shipped = _shipped(_stage(plan, folder, stages[: place + 1]))
    model = before.load()
    content = unpacked(model) if isinstance(model, bytes) else to_litert(model)
    exact = _float_twin(content, f"the model before '{step.id}'")
    own_data = find_data(registry, data) if data else _own_data(plan, folder)
    measured = find_metrics(registry, metrics) if metrics else list(plan.metrics)
    names = layer_names(OperatorGraph(exact), model, registry)
    maker: Maker | None = None
    trained = next((each for each in stages[: place + 1] if _AWARE in each.after.traits), None)
    if trained is not None and isinstance(trained.strategy, KeepsLayers):
        maker = Unrounding(trained.strategy, _section(plan, trained), content, names, len(shipped), trained.provider)
    elif trained is None and isinstance(step.strategy, KeepsLayers):
        around = Surroundings(step.before, own_data, measured, plan.seed, plan.smoke)
        maker = Requantizing(step.strategy, _section(plan, step), before.load, around, step.provider)
    why_not = "" if maker else f"the strategy '{(trained or step).uses}' has no parameter that keeps single layers"
    origin = f"'{before.steps[-1].id}'" if before.steps else "the model that the run started from"
    title = (
        f"'{step.id}' of {folder} against {origin}"
        if quantized_here
        else f"'{step.id}' of {folder} against itself in float"
    )
    return Subject(title, shipped, exact, names, own_data, measured, maker, why_not)


def of_files(
    file: Path, float_model: Path, registry: Registry, data: str, metrics: Sequence[str], trusted: bool
) -> Subject:
    """A quantized file and its float model.

    Args:
        file: the quantized `.tflite` file, or one in a package.
        float_model: the model that it was made from, of Keras or LiteRT.
        registry: the installed plugins.
        data: as on the command line.
        metrics: likewise.
        trusted: the user vouches for the float model's file, so code in it may run.

    Raises:
        ModelError: one of the files is not of its kind.
    """
    for path in (file, float_model):
        refuse_missing(path)
    quantized = shipped_bytes(file) if file.suffix in (".tflite", ".tfpack") else b""
    if not is_quantized(quantized):
        what = f"{file} is not quantized: no weights or activations in it are integers or float16"
        raise ModelError(what, "give the quantized .tflite file, and this one as --float if it was made from it")

    own_data, measured = find_data(registry, data), find_metrics(registry, metrics)

    def load() -> Model:
        model = build_model(Reference("path", str(float_model)), trusted).model
        if isinstance(model, bytes):
            return model
        return with_sizes(model, str(float_model), trusted, of_data=shapes_of(own_data.test))

    model = load()
    exact = _float_twin(model if isinstance(model, bytes) else to_litert(model), str(float_model))
    names = layer_names(OperatorGraph(exact), model, registry)
    for strategy, provider in strategies_for_files(registry):
        with fenced(f"the strategy '{strategy.name}' ({provider})", StepError):
            params = strategy.parameters_of(quantized)
        if params is not None:
            state = ModelState(format="litert" if isinstance(model, bytes) else "keras")
            around = Surroundings(state, own_data, measured)
            section = {"uses": strategy.name, "with": dict(params)}
            maker = Requantizing(strategy(strategy.Params(**params)), section, load, around, provider)
            return Subject(f"{file} against {float_model}", quantized, exact, names, own_data, measured, maker)
    why_not = "no installed strategy quantizes as this file is quantized"
    return Subject(f"{file} against {float_model}", quantized, exact, names, own_data, measured, None, why_not)


def is_quantized(content: bytes) -> bool:
    """Whether a file holds scaled integers, or weights in fewer bits than 32."""
    if not content:
        return False
    graph = OperatorGraph(content)
    used = {index for node in graph.nodes for index in (*node.inputs, *node.outputs) if index >= 0}
    tensors = [graph.tensors[index] for index in used]
    in_16_bits = [each for each in tensors if each.type in (TensorType.FLOAT16, TensorType.BFLOAT16)]
    return any(each.quantized for each in tensors) or any(graph.bytes_of(each.index) for each in in_16_bits)


def _float_twin(content: bytes, origin: str) -> bytes:
    exact = without_fake_quantization(content)
    if is_quantized(exact):
        raise ModelError(f"{origin} is quantized itself", "give the float model that the quantized file was made from")
    return exact


def _plan_of(folder: Path, registry: Registry, trusted: bool) -> Plan:
    if not (folder / "recipe.yaml").is_file() or not (folder / LOCK).is_file():
        if any(folder.glob("seed-*/recipe.yaml")):
            raise ModelError(f"{folder} holds a run for each of several seeds", "name one of the folders in it")
        raise ModelError(f"{folder} is not the folder of a finished run", "name one that 'compressor apply' made")
    lock = read_lock(folder / LOCK)
    plan = planner.prepare(folder / "recipe.yaml", (), registry, seed=lock.seed, smoke=lock.smoke)
    return replace(plan, trust_model=trusted, threads=lock.threads or plan.threads)


def _own_data(plan: Plan, folder: Path) -> RunData:
    """The data of the run, which must be what it was: what is measured on other data says nothing of the run."""
    data, known = load_data(plan, default_folder()), read_lock(folder / LOCK).fingerprints
    changed = [name for name, split in data.splits.items() if known.get(name) != split.fingerprint]
    if changed:
        what = f"the data of {folder} is not what it was when it ran ({', '.join(changed)})"
        raise DataError(what, "give --data to measure on other data, or run the recipe again")
    return data


def _quantizing(plan: Plan, folder: Path) -> tuple[int, PlannedStep]:
    """The step that quantized, and its place; without one, the last step of a quantization-aware model."""
    for place, step in enumerate(plan.stages):
        if _QUANTIZED in step.after.traits:
            return place, step
    if plan.stages and _AWARE in plan.stages[-1].after.traits:
        return len(plan.stages) - 1, plan.stages[-1]
    steps = ", ".join(step.id for step in plan.stages) or "none"
    raise ModelError(f"no step of {folder} quantizes (its steps: {steps})", "name a run with 'ptq' or 'qat'")


def _section(plan: Plan, step: PlannedStep) -> dict[str, Any]:
    """A step as the recipe has it."""
    place = [each.id for each in plan.steps].index(step.id)
    return plan.recipe.steps[place].model_dump(mode="json", by_alias=True, exclude_unset=True)


def _stage(plan: Plan, folder: Path, steps: Sequence[PlannedStep]) -> SavedModel:
    saved = SavedModel(plan, tuple(steps), ModelFile(folder, "", ModelFacts(()), cached=True))
    stem = f"{saved.stage}-{steps[-1].id}" if steps else "source"
    for suffix in _SUFFIXES:
        if (path := folder / "stages" / f"{stem}{suffix}").is_file():
            saved = SavedModel(plan, tuple(steps), ModelFile(path, "", ModelFacts(()), cached=True))
            _refuse_harmful(saved)
            return saved
    raise ModelError(f"the run has no file {folder / 'stages' / stem}.*", "run its recipe again")


def _refuse_harmful(saved: SavedModel) -> None:
    """Refuse a file that is damaged or carries code, since the folder may come from elsewhere."""
    if not saved.file.is_keras:
        refuse_harmful_litert(saved.file.path)
        return
    named = saved.plan.recipe.model.custom_objects
    refuse_harmful_keras(saved.file.path, saved.plan.trust_model, named, saved.custom_objects())


def _shipped(saved: SavedModel) -> bytes:
    """The file that would ship after a stage."""
    path = saved.file.path
    shipped = path if path.suffix != ".h5" else path.with_suffix(".tflite")
    if not shipped.is_file():
        raise ModelError(f"the run has no file {shipped}", "run its recipe again")
    if shipped != path:
        refuse_harmful_litert(shipped)
    return unpacked(shipped.read_bytes())
