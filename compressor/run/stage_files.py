"""Stages to cache entries and back: the model that a step leaves, and what was measured on it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from compressor.base.atomic_files import whole_file
from compressor.base.hashing import file_digest
from compressor.measure.agreement import Agreement
from compressor.measure.evaluation import Measurement
from compressor.models.files.keras_files import save_keras
from compressor.models.litert.contents import Anatomy, WeightTensor
from compressor.models.litert.interpreter import Endpoint, Latency
from compressor.models.litert.package import shipping_suffix
from compressor.run.cache.keys import Parts
from compressor.run.cache.store import Cache, Entry, key_of

_MODEL, _FILE, _SCORES = "model", "shipped", "scores.npz"


@dataclass(frozen=True)
class Artifact:
    """A model in a file, the hash of its content, and what the step that left it has to say.

    `facts` holds `seconds`, `notes` and `left_alone` of a step, and `layers` of the model that a run starts from.
    """

    path: Path
    digest: str
    facts: Mapping[str, Any]
    cached: bool

    @property
    def is_keras(self) -> bool:
        """Whether it is a Keras model, and not a file that ships as it is."""
        return self.path.suffix == ".h5"


def saved(model: Any, folder: Path, stem: str) -> Path:
    """Where a model was saved: a tf_keras model as `.h5`, the bytes of a file that ships under that one's suffix."""
    path = folder / f"{stem}{shipping_suffix(model) if isinstance(model, bytes) else '.h5'}"
    with whole_file(path) as temporary:
        if isinstance(model, bytes):
            temporary.write_bytes(model)
        else:
            save_keras(model, temporary)
    return path


def cached_artifact(cache: Cache, parts: Parts, folder: Path, stem: str) -> Artifact | None:
    """The artifact with these parts, put into the folder, or None."""
    entry = cache.get("step", key_of(parts))
    if entry is None:
        return None
    path = folder / f"{stem}{entry.facts['suffix']}"
    try:
        entry.copy(_MODEL, path)
    except FileNotFoundError:  # pruned since it was looked at
        return None
    return Artifact(path, entry.facts["digest"], entry.facts, cached=True)


def kept_artifact(cache: Cache, parts: Parts | None, path: Path, facts: Mapping[str, Any]) -> Artifact:
    """The artifact in a file, kept in the cache where its parts are known."""
    digest = file_digest(path)
    facts = {**facts, "digest": digest, "suffix": path.suffix}
    if parts is not None:
        cache.put("step", key_of(parts), parts, facts, {_MODEL: path})
    return Artifact(path, digest, facts, cached=False)


def cached_measurement(cache: Cache, parts: Parts) -> tuple[bytes, Measurement] | None:
    """The shipped file with these parts and what was measured on it, or None."""
    entry = cache.get("measurement", key_of(parts))
    try:
        return (entry.read(_FILE), _measurement(entry)) if entry else None
    except FileNotFoundError:  # pruned since it was looked at
        return None


def keep_measurement(cache: Cache, parts: Parts, content: bytes, measured: Measurement) -> None:
    """Keep a shipped file and what was measured on it."""
    stream = io.BytesIO()
    np.savez_compressed(stream, **dict(measured.scores))  # type: ignore[arg-type]
    facts = asdict(measured)
    del facts["scores"]
    cache.put("measurement", key_of(parts), parts, facts, {_FILE: content, _SCORES: stream.getvalue()})


def _measurement(entry: Entry) -> Measurement:
    facts = entry.facts
    with np.load(io.BytesIO(entry.read(_SCORES)), allow_pickle=False) as arrays:
        scores = {name: arrays[name] for name in arrays.files}
    anatomy = facts["anatomy"]
    tensors = tuple(WeightTensor(**{**tensor, "shape": tuple(tensor["shape"])}) for tensor in anatomy["tensors"])
    return Measurement(
        anatomy=Anatomy(**{**anatomy, "tensors": tensors}),
        scores=scores,
        latency=Latency(**facts["latency"]),
        inputs=tuple(map(_endpoint, facts["inputs"])),
        outputs=tuple(map(_endpoint, facts["outputs"])),
        seconds=facts["seconds"],
        keras_scores=facts["keras_scores"],
        agreement=Agreement(**facts["agreement"]) if facts["agreement"] else None,
    )


def _endpoint(facts: Mapping[str, Any]) -> Endpoint:
    return Endpoint(**{**facts, "shape": tuple(facts["shape"])})
