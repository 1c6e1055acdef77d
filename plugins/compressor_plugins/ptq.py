"""Post-training quantization by the LiteRT converter."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

import compressor
from compressor import Model, ModelState, Refusal, StepContext, Strategy


class PTQ(Strategy):
    """Quantize without training: weights alone, or weights and activations by the ranges that calibration sees.

    Jacob et al. 2018 (arXiv 1712.05877), section 3; ranges come from samples of the training split, or, after
    quantization-aware training, from the model itself.
    """

    name = "ptq"

    class Params(compressor.Params):
        """To what, and by how many samples."""

        precision: Literal["int8", "dynamic", "float16"] = Field(
            "int8", description="int8 weights and activations, int8 weights alone (dynamic range), or float16 weights"
        )
        io: Literal["float32", "int8"] = Field("float32", description="dtype of the file's inputs and outputs")
        calibration_samples: int = Field(
            300, ge=1, le=100_000, description="training samples that the ranges of activations are taken from"
        )

        @model_validator(mode="after")
        def _io_fits(self) -> PTQ.Params:
            if self.io == "int8" and self.precision != "int8":
                raise ValueError(f"io int8 needs precision int8, not {self.precision}")
            return self

    def plan(self, state: ModelState) -> ModelState:
        """Takes a Keras model and leaves a LiteRT file."""
        state = state.require(format="keras")
        if "quantization_aware" in state.traits and self.params.precision != "int8":
            raise Refusal(
                f"with precision {self.params.precision} would waste the training for int8; use precision int8"
            )
        quantizes = self.params.precision != "float16"
        return state.to("litert").add("quantized") if quantizes else state.to("litert")

    def apply(self, model: Model, context: StepContext) -> Model:
        """The bytes of the `.tflite` file."""
        from compressor import Conversion, to_litert
        from compressor.anatomy import dissect

        params = self.params
        if params.precision != "int8":
            content = to_litert(model, Conversion("float16" if params.precision == "float16" else "dynamic_int8"))
        else:
            trained = "quantization_aware" in context.state.traits
            calibration = None if trained else context.calibration(params.calibration_samples)
            content = to_litert(model, Conversion("int8", params.io, calibration))
        wanted = 16 if params.precision == "float16" else 8
        for tensor in dissect(content).kernels:
            if tensor.bits > wanted:
                context.leave_alone(tensor.name, f"the converter kept it in {tensor.dtype}")
        return content
