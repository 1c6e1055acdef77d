"""Shrinks a file for `slim`: leaves out all that its outputs do not depend on, and compares them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compressor import ModelError, StepContext, StepError
from compressor.data import arrays_in, joined
from compressor.models.litert import LiteRTModel, shrunk, without_zeros


@dataclass(frozen=True)
class Keeps:
    """Whether the signature stays in the file, the names of inputs and outputs, and the zeros among weights."""

    signature: bool
    names: bool
    zeros: bool


def slimmed(content: bytes, keeps: Keeps, samples: int, context: StepContext) -> bytes:
    """The bytes of the smaller file.

    Args:
        content: of the file.
        keeps: what stays in it.
        samples: training samples on which the outputs are compared.
        context: of the step.

    Raises:
        StepError: inputs or outputs could not be told apart any more.
    """
    if not keeps.signature and not keeps.names:
        _refuse_nameless(content)
    dense = content if keeps.zeros else _zeros_dropped(content, context)
    smaller = shrunk(dense, keeps.signature, keeps.names)
    _require_same(content, smaller, list(context.calibration(samples)), keeps.signature)
    context.note(f"{len(content) - len(smaller):,} of {len(content):,} bytes were not needed")
    return smaller


def _zeros_dropped(content: bytes, context: StepContext) -> bytes:
    smaller, tensors = without_zeros(content)
    if tensors:
        before, after = (sum(sizes) for sizes in zip(*((t.bytes_before, t.bytes_after) for t in tensors), strict=True))
        which = f"{len(tensors)} kernels are" if len(tensors) > 1 else "1 kernel is"
        context.note(f"{which} stored without zeros, in {after:,} in place of {before:,} bytes")
    else:
        context.note("zeros: drop changed nothing: no kernel in float32 or float16 takes fewer bytes without its zeros")
    return smaller


def _refuse_nameless(content: bytes) -> None:
    ends = LiteRTModel(content)
    if len(ends.inputs) > 1 or len(ends.outputs) > 1:
        what = "without signature and names, the file's inputs and outputs could not be told apart"
        raise StepError(what, "keep one of the two")


def _require_same(before: bytes, after: bytes, samples: Sequence[Any], named: bool) -> None:
    """Compare inputs, outputs and results: one sample per call, then all in one call if the file takes as many."""
    old, new = LiteRTModel(before), LiteRTModel(after)
    for was, became in zip((*old.inputs, *old.outputs), (*new.inputs, *new.outputs), strict=True):
        if (was.shape, was.dtype, was.scale, was.zero_point) != (
            became.shape,
            became.dtype,
            became.scale,
            became.zero_point,
        ) or (named and was.name != became.name):
            raise StepError(f"the smaller file's '{was.name}' became {became}", "report this, with the file")
    for sample in samples:
        _require_equal(old.run(sample), new.run(sample))
    together = joined(samples)
    try:
        expected = LiteRTModel(before).run(together)
    except ModelError:
        return  # the file takes one sample per call
    _require_equal(expected, LiteRTModel(after).run(together))


def _require_equal(expected: Any, found: Any) -> None:
    pairs = zip(arrays_in(expected), arrays_in(found), strict=True)
    if not all(np.array_equal(one, other, equal_nan=True) for one, other in pairs):
        raise StepError("the smaller file's outputs differ from those before", "report this, with the file")
