"""Measures a stage: exports its model to the file that would ship, measures that file, and checks its traits."""

from __future__ import annotations

import time
from collections.abc import Sequence

from compressor.base.errors import CompressorError, StepError
from compressor.base.plugin_errors import fenced
from compressor.contracts.context import CALIBRATION_SAMPLES
from compressor.data.prepared_splits import RunData
from compressor.data.split import Split
from compressor.measure.evaluation import Measurement, measure
from compressor.measure.kept_traits import refuse_broken
from compressor.measure.results import Stage
from compressor.models.litert.converter import Conversion, to_litert
from compressor.models.packing.package import unpacked
from compressor.run.stages.saved_model import SavedModel, describe_origin
from compressor.run.stages.stage_store import StageStore


def measure_stage(
    stage_id: str, model: SavedModel, earlier: Sequence[Stage], remarks: Sequence[str], data: RunData, store: StageStore
) -> Stage:
    """Measure a model, or take its measurement from the cache, and return it as a stage.

    Args:
        stage_id: the stage's name.
        model: the model, in its file.
        earlier: the stages before it; the first one is the baseline.
        remarks: remarks for the report, in addition to the step's notes.
        data: the data; a model with trained ranges takes those that are missing from training samples.
        store: stores the stage.

    Raises:
        StepError: the model cannot be converted, lacks a trait that its step claims, or lost what an earlier step
            made.
    """
    started = time.perf_counter()
    content, measurement = store.measurement(model, data.test.fingerprint, lambda: _measured(model, data))
    refuse_broken(stage_id, model.state, earlier, measurement.anatomy)
    store.ship(model, stage_id, content)
    step, facts = model.steps[-1] if model.steps else None, model.file.facts
    return Stage(
        id=stage_id,
        uses=step.uses if step else "",
        provider=str(step.provider) if step else "",
        state=model.state,
        content=content,
        measurement=measurement,
        seconds=facts.seconds,
        measure_seconds=time.perf_counter() - started,
        notes=(*remarks, *(facts.notes if step else ())),
        left_alone=facts.left_alone,
        teacher=step.teacher.name if step and step.teacher else "",
        cached=model.file.cached,
    )


def _measured(saved: SavedModel, data: RunData) -> tuple[bytes, Measurement]:
    model, metrics, test = saved.load(), saved.plan.metrics, data.test
    if isinstance(model, bytes):
        return model, measure(unpacked(model), test, metrics)
    maker = describe_origin(saved.plan, saved.steps)
    with fenced(maker, StepError, (CompressorError,)):
        content = to_litert(model, _conversion(saved, data.train))
    return content, measure(content, test, metrics, model, maker)


def _conversion(saved: SavedModel, train: Split) -> Conversion:
    """How a Keras model is converted to the file that would ship."""
    state = saved.state
    if "quantization_aware" not in state.traits:
        return Conversion()
    samples = (features for features, _ in train.sample(CALIBRATION_SAMPLES, saved.plan.seed).batches(1))
    return Conversion("int16x8" if state.trained_for == "int16x8" else "int8", calibration=samples)
