"""Measures a stage: exports its model to the file that would ship, measures that file, and checks its traits."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from compressor.base.errors import CompressorError, StepError
from compressor.base.plugin_errors import fenced
from compressor.contracts.context import CALIBRATION_SAMPLES
from compressor.contracts.model_state import TRAIT_NAMES
from compressor.data.prepared_splits import RunData
from compressor.data.split import Split
from compressor.measure.evaluation import Measurement, measure
from compressor.measure.kept_traits import refuse_broken
from compressor.measure.other_sizes import with_open_sizes
from compressor.measure.results import Stage
from compressor.models.litert.conversion.converter import Conversion, to_litert
from compressor.models.packing.package import unpacked
from compressor.run.stages.saved_model import SavedModel, describe_origin
from compressor.run.stages.stage_store import StageStore
from compressor.run.stages.unusable_files import blamed_on_step

_SAMPLES = 2  # that a file of open sizes is tried with


def measure_stage(
    stage_id: str, model: SavedModel, earlier: Sequence[Stage], remarks: Sequence[str], data: RunData, store: StageStore
) -> Stage:
    """Measure a model, or take its measurement from the cache, and return it as a stage.

    Args:
        stage_id: the stage's name.
        model: the model, in its file.
        earlier: the stages before it; the first one is the baseline.
        remarks: remarks for the report, in addition to the step's notes.
        data: the splits; the model is measured on the test split, and must run on the training split, too.
        store: stores the stage.

    Raises:
        StepError: the model cannot be converted, lacks a trait that its step claims, or lost what an earlier step
            made.
    """
    started = time.perf_counter()
    made_of = None if model.file.is_keras else _made_of(earlier)
    fingerprint = f"{data.test.fingerprint} {data.training_fingerprint}"
    content, measurement = store.measurement(model, fingerprint, made_of, lambda: _measured(model, data, made_of))
    refuse_broken(stage_id, model.state, earlier, measurement.anatomy)
    store.ship(model, stage_id, content)
    step, facts = model.steps[-1] if model.steps else None, model.file.facts
    given_up = [f"gave up {TRAIT_NAMES[trait]}: {reason}" for trait, reason in model.state.dropped]
    return Stage(
        id=stage_id,
        uses=step.uses if step else "",
        provider=str(step.provider) if step else "",
        state=model.state,
        content=content,
        measurement=measurement,
        seconds=facts.seconds,
        measure_seconds=time.perf_counter() - started,
        notes=(*remarks, *given_up, *(facts.notes if step else ()), *measurement.remarks),
        left_alone=facts.left_alone,
        teacher=step.teacher.name if step and step.teacher else "",
        cached=model.file.cached,
        curves=facts.curves if step else (),
    )


def _made_of(earlier: Sequence[Stage]) -> bytes | None:
    """The file that one without a Keras model is held against: that of the last Keras model, or else the first one."""
    of_keras = [stage for stage in earlier if stage.state.format == "keras"]
    stage = of_keras[-1] if of_keras else next(iter(earlier), None)
    return unpacked(stage.content) if stage else None


def _measured(saved: SavedModel, data: RunData, made_of: bytes | None) -> tuple[bytes, Measurement]:
    model, metrics, maker = saved.load(), saved.plan.metrics, describe_origin(saved.plan, saved.steps)
    with blamed_on_step(saved, model):
        if isinstance(model, bytes):
            content = unpacked(model)
            return model, measure(content, data.test, metrics, None, maker, made_of, data.train, saved.weight_bits)
        with fenced(maker, StepError, (CompressorError,)):
            told: list[str] = []
            content = to_litert(model, conversion(saved, data.train), told.append)
            content, notes = opened(content, model, saved, data.train)
        measured = measure(content, data.test, metrics, model, maker, None, data.train)
    return content, replace(measured, remarks=(*told, *measured.remarks, *notes))


def opened(content: bytes, model: Any, saved: SavedModel, train: Split) -> tuple[bytes, tuple[str, ...]]:
    """A file with the sizes open that the run's model left open, where it can take others, and notes for the report.

    Args:
        content: the file.
        model: the Keras model that it was made from.
        saved: that model in its file.
        train: the split that samples are taken from.
    """
    if not saved.was_open:
        return content, ()
    samples, _ = train.read(range(min(_SAMPLES, train.size)))
    again, note = with_open_sizes(
        content, model, saved.was_open, samples, saved.custom_objects(), saved.plan.trust_model
    )
    is_news = saved.stage == 0 or again is content
    return again, (note,) if is_news else ()


def conversion(saved: SavedModel, train: Split, samples: int = CALIBRATION_SAMPLES) -> Conversion:
    """How a Keras model is converted to the file that would ship.

    Args:
        saved: the model.
        train: the split that ranges are measured on which training left out.
        samples: how many samples of it.
    """
    state = saved.state
    if "quantization_aware" not in state.traits:
        return Conversion()
    calibration = (features for features, _ in train.sample(samples, saved.plan.seed).batches(1))
    return Conversion("int16x8" if state.trained_for == "int16x8" else "int8", calibration=calibration, trained=True)
