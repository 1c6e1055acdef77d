"""Predicts which steps of a run are cached, without TensorFlow, models or data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from compressor.contracts.execution_plan import Plan, PlannedStep
from compressor.run.cache.entry_file import Entry, key_of
from compressor.run.cache.keys import (
    Parts,
    data_parts,
    loading_code,
    note_name,
    source_parts,
    step_parts,
    teacher_parts,
)
from compressor.run.cache.source_entries import known_source_parts
from compressor.run.cache.store import Cache


@dataclass(frozen=True)
class Forecast:
    """Whether a step is cached, and why not. `changed` names the parts of its key that differ from its last run."""

    step_id: str
    cached: bool
    reason: str
    changed: tuple[str, ...] = ()


def forecast(plan: Plan, cache: Cache) -> list[Forecast]:
    """A forecast for each step of the plan, the training of the baseline included."""
    return _forecast(plan, cache)[0]


def _forecast(plan: Plan, cache: Cache) -> tuple[list[Forecast], str | None]:
    """The forecasts, and the hash of the last model if it is cached."""
    source, data = source_parts(plan), data_parts(plan)
    entry = _start(plan, cache)
    noted = cache.recall(f"data {key_of(data)}") if data else None
    if not plan.stages:
        return [], str(entry.facts["digest"]) if entry else None
    if source is None or data is None:
        reason = "the model or the data is known only when the recipe runs"
        return [Forecast(step.id, False, reason) for step in plan.stages], None
    if entry is None or noted is None:
        return _unseen(plan, cache), None
    forecasts: list[Forecast] = []
    model: str | None = str(entry.facts["digest"])
    was_open = entry.facts.get("facts", {}).get("was_open", {})
    baseline: str | None = None if plan.baseline else model
    for index, step in enumerate(plan.stages):
        if model is None:
            forecasts.append(Forecast(step.id, False, "an earlier step has to run"))
            continue
        teacher = _teacher(step, plan, baseline, cache)
        if step.teacher and teacher is None:
            forecasts.append(Forecast(step.id, False, "its teacher has to be made"))
            model = None
            continue
        loaded = loading_code(plan, plan.stages[:index])
        parts = step_parts(step, model, loaded, str(noted["fingerprint"]), plan, teacher, was_open)
        entry = cache.get("step", key_of(parts))
        forecasts.append(_step_forecast(step.id, entry is not None, parts, cache.recall(note_name(plan, step.id))))
        model = str(entry.facts["digest"]) if entry else None
        baseline = baseline or model
    return forecasts, model


def _start(plan: Plan, cache: Cache) -> Entry | None:
    """The cached model that the plan starts from, or None; a forecast does not know whether the model is trusted."""
    for variant in (plan, replace(plan, trust_model=True)):
        parts = known_source_parts(variant, cache)
        if parts and (entry := cache.get("step", key_of(parts))):
            return entry
    return None


def _teacher(step: PlannedStep, plan: Plan, baseline: str | None, cache: Cache) -> Parts | None:
    """The parts of a step's teacher, or None if they are not known before the run."""
    if step.teacher is None:
        return None
    if step.teacher.is_baseline:
        steps = (plan.baseline,) if plan.baseline else ()
        return teacher_parts(baseline, loading_code(plan, steps)) if baseline else None
    own = step.teacher.plan_for(plan)
    model = _forecast(own, cache)[1]
    return teacher_parts(model, loading_code(own, own.stages)) if model else None


def _unseen(plan: Plan, cache: Cache) -> list[Forecast]:
    """The forecasts if the model or the data is not cached: because something has changed, or because they are new."""
    first = plan.stages[0] if plan.stages else None
    last = cache.recall(note_name(plan, first.id)) if first else None
    if first and last:
        model, data, teacher = str(last.get("model")), str(last.get("data")), last.get("teacher")
        parts = step_parts(first, model, loading_code(plan, ()), data, plan, teacher)
        step_forecast = _step_forecast(first.id, False, parts, last)
        if step_forecast.changed:
            rest = plan.stages[1:]
            return [step_forecast, *(Forecast(step.id, False, "an earlier step has to run") for step in rest)]
    return [Forecast(step.id, False, "this model has not run with this data before") for step in plan.stages]


def _step_forecast(step_id: str, cached: bool, parts: Parts, last: Mapping[str, Any] | None) -> Forecast:
    if cached:
        return Forecast(step_id, True, "cached")
    if last is None:
        return Forecast(step_id, False, "it has not run before")
    changed = tuple(_differences(last, parts))
    if not changed:
        return Forecast(step_id, False, "its entry is gone from the cache")
    return Forecast(step_id, False, f"changed since its last run: {', '.join(changed)}", changed)


def _differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> list[str]:
    names = []
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            names += _differences(before, after, f"{prefix}{key}.")
        elif before != after:
            names.append(f"{prefix}{key}")
    return names
