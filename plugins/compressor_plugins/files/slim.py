"""Makes a `.tflite` file smaller without changing its outputs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

import compressor
from compressor import Model, ModelState, StepContext, Strategy

_Choice = Literal["keep", "drop"]


class Slim(Strategy):
    """Remove everything from a LiteRT file that its outputs do not depend on.

    It removes metadata, descriptions, names of inner tensors, recorded ranges, and unused tensors and operator codes.
    Equal buffers and tables are written once, and default values not at all; with `zeros: drop`, nor are the zeros of
    pruned weights in float32 and float16. The outputs before and after are compared bit for bit, with one sample per
    call and with many. A Keras model is converted to floats first.
    """

    name = "slim"

    class Params(compressor.Params):
        """What else to remove, and how much to compare."""

        signature: _Choice = Field(
            "keep", description="keep or drop the signature, by which a runtime finds inputs and outputs by name"
        )
        names: _Choice = Field("keep", description="keep or drop the names of input and output tensors")
        zeros: _Choice = Field(
            "keep",
            description="keep or drop the zeros of weights in float32 and float16: to drop them stores the others with "
            "their places where that takes fewer bytes, in LiteRT's sparse format, which LiteRT for Microcontrollers "
            "does not run and `pack` codes less well",
        )
        samples: int = Field(16, ge=1, le=10_000, description="training samples on which the outputs are compared")

    def plan(self, state: ModelState) -> ModelState:
        """Takes a LiteRT file, or a Keras model without fake quantization, and makes a file with the same weights."""
        if state.format == "keras":
            return state.require(lacks="quantization_aware").to("litert")
        return state.require(format="litert")

    def apply(self, model: Model, context: StepContext) -> Model:
        """The bytes of the smaller file."""
        from compressor import to_litert
        from compressor_plugins.files.slimming import Keeps, slimmed

        params = self.params
        keeps = Keeps(params.signature == "keep", params.names == "keep", params.zeros == "keep")
        content = model if isinstance(model, bytes) else to_litert(model, tell=context.note)
        return slimmed(content, keeps, params.samples, context)
