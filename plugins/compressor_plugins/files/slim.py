"""A smaller `.tflite` file with the same outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from pydantic import Field

import compressor
from compressor import Model, ModelState, StepContext, StepError, Strategy
from compressor.data import arrays_in, joined

_Choice = Literal["keep", "drop"]


class Slim(Strategy):
    """Take everything out of a LiteRT file that its outputs do not depend on.

    No paper: metadata, descriptions, names of inner tensors, recorded ranges, unused tensors and operator codes go,
    equal buffers and tables are written once, defaults not at all. The outputs before and after are compared bit by
    bit, for one sample and for many a call.
    """

    name = "slim"

    class Params(compressor.Params):
        """What may go besides."""

        signature: _Choice = Field(
            "keep", description="keep the signature, by which runners call inputs and outputs, or drop it"
        )
        names: _Choice = Field("keep", description="keep the names of input and output tensors, or drop them")
        samples: int = Field(16, ge=1, le=10_000, description="training samples that the outputs are compared on")

    def plan(self, state: ModelState) -> ModelState:
        """Takes a LiteRT file and leaves one with the same weights."""
        return state.require(format="litert")

    def apply(self, model: Model, context: StepContext) -> Model:
        """The bytes of the smaller file."""
        from compressor.models.litert import shrunk

        params = self.params
        if params.signature == params.names == "drop":
            _refuse_nameless(model)
        content = shrunk(model, params.signature == "keep", params.names == "keep")
        _require_same(model, content, list(context.calibration(params.samples)), params.signature == "keep")
        context.note(f"{len(model) - len(content):,} of {len(model):,} bytes were not needed")
        return content


def _refuse_nameless(content: bytes) -> None:
    from compressor.models.litert import LiteRTModel

    ends = LiteRTModel(content)
    if len(ends.inputs) > 1 or len(ends.outputs) > 1:
        what = "without signature and names nobody could tell the file's inputs and outputs apart"
        raise StepError(what, "keep one of the two")


def _require_same(before: bytes, after: bytes, samples: Sequence[Any], named: bool) -> None:
    """Compare ends and outputs: each sample alone, then all of them in one call where the file could take them."""
    from compressor import ModelError
    from compressor.models.litert import LiteRTModel

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
        return  # it takes one sample a call
    _require_equal(expected, LiteRTModel(after).run(together))


def _require_equal(expected: Any, found: Any) -> None:
    pairs = zip(arrays_in(expected), arrays_in(found), strict=True)
    if not all(np.array_equal(one, other, equal_nan=True) for one, other in pairs):
        raise StepError("the smaller file's outputs differ from those before", "report this, with the file")
