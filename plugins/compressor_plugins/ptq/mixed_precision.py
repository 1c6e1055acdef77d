"""Chooses the bits of each layer by how much accuracy it loses at lower precision."""

from __future__ import annotations

from collections.abc import Sequence

from compressor import Arrays, Model, ModelState, StepContext
from compressor.contracts.layer_sensitivity import LayerSensitivity, Rounding, SensitivityStrategy, WeightType
from compressor_plugins.ptq.mixed_precision_params import MixedPrecisionParams
from compressor_plugins.ptq.ptq import PTQ


class MixedPrecision(SensitivityStrategy):
    """Choose the precision of each layer within a budget of bytes or of accuracy, then quantize.

    It measures for each layer and type how much the outputs change when that layer alone is rounded. An integer program
    then chooses the types (after Dong et al. 2019, arXiv 1905.03696, and Hubara et al. 2020, arXiv 2006.10518), and
    `ptq` makes the file with them as `per_layer`. Only training samples and the validation split are used.
    """

    name = "mixed_precision"
    scores = True
    changes_endpoints = ("types",)

    Params = MixedPrecisionParams

    def plan(self, state: ModelState) -> ModelState:
        """Takes a Keras model or a float LiteRT file, and makes a quantized LiteRT file."""
        step = PTQ(self.params.ptq({"*": "int8"}))
        return step.plan(state.require(lacks="quantization_aware"))

    def apply(self, model: Model, context: StepContext) -> Model:
        """The bytes of the `.tflite` file."""
        from compressor_plugins.ptq.precision_choice import mixed_file

        return mixed_file(model, self.params, context)

    @classmethod
    def sensitivity(
        cls, model: Model, samples: Sequence[Arrays], types: Sequence[WeightType], rounding: Rounding
    ) -> Sequence[LayerSensitivity]:
        """The table that `apply` picks by."""
        from compressor_plugins.ptq.precision_choice import float_file
        from compressor_plugins.ptq.sensitivity import sensitivities

        content, operators = float_file(model)
        return sensitivities(content, operators, types, rounding, samples)
