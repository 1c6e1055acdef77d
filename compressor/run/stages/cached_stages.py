"""Writes models and measurements to the cache, and reads them back."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
from pydantic import TypeAdapter

from compressor.base.hashing import file_digest
from compressor.measure.decisions import Decisions
from compressor.measure.evaluation import Measurement
from compressor.run.cache.entry_file import Entry, key_of
from compressor.run.cache.keys import Parts
from compressor.run.cache.store import Cache
from compressor.run.stages.model_file import ModelFacts, ModelFile

_MODEL, _FILE, _SCORES, _DECISIONS = "model", "shipped", "scores.npz", "decisions.npz"


def cached_model(cache: Cache, parts: Parts, folder: Path, stem: str) -> ModelFile | None:
    """Copy a model from the cache into the folder; None if it is not cached."""
    entry = cache.get("step", key_of(parts))
    if entry is None:
        return None
    path = folder / f"{stem}{entry.facts['suffix']}"
    try:
        entry.copy(_MODEL, path)
    except FileNotFoundError:  # pruned in the meantime
        return None
    facts = TypeAdapter(ModelFacts).validate_python(entry.facts["facts"])
    return ModelFile(path, entry.facts["digest"], facts, cached=True)


def keep_model(cache: Cache, parts: Parts | None, path: Path, facts: ModelFacts) -> ModelFile:
    """The model in a file, which is also written to the cache if the parts of its key are known."""
    digest = file_digest(path)
    if parts is not None:
        plain = {"facts": asdict(facts), "digest": digest, "suffix": path.suffix}
        cache.put("step", key_of(parts), parts, plain, {_MODEL: path})
    return ModelFile(path, digest, facts, cached=False)


def cached_measurement(cache: Cache, parts: Parts) -> tuple[bytes, Measurement] | None:
    """Read a file that would ship and its measurement from the cache; None if they are not cached."""
    entry = cache.get("measurement", key_of(parts))
    try:
        return (entry.read(_FILE), _measurement(entry)) if entry else None
    except FileNotFoundError:  # pruned in the meantime
        return None


def keep_measurement(cache: Cache, parts: Parts, content: bytes, measurement: Measurement) -> None:
    """Write a file that would ship and its measurement to the cache."""
    files = {_FILE: content, _SCORES: _packed(measurement.scores)}
    if measurement.decisions is not None:
        files[_DECISIONS] = _packed(vars(measurement.decisions))
    facts = asdict(replace(measurement, scores={}, decisions=None)) | {"decides": measurement.decisions is not None}
    del facts["scores"], facts["decisions"]
    cache.put("measurement", key_of(parts), parts, facts, files)


def _measurement(entry: Entry) -> Measurement:
    decisions = None
    if entry.facts.get("decides"):
        arrays = _unpacked(entry.read(_DECISIONS))
        decisions = Decisions(**{**arrays, "classes": int(arrays["classes"])})
    types = get_type_hints(Measurement)
    facts: Mapping[str, Any] = {
        name: TypeAdapter(types[name]).validate_python(value)
        for name, value in entry.facts.items()
        if name != "decides"
    }
    return Measurement(
        scores=_unpacked(entry.read(_SCORES)),
        decisions=decisions,
        **facts,
    )


def _packed(arrays: Mapping[str, Any]) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **dict(arrays))
    return stream.getvalue()


def _unpacked(content: bytes) -> dict[str, Any]:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}
