"""Quantization-aware training: weights in 8 or 4 bits, activations in 8 or 16."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from compressor import Model, ModelState, StepContext
from compressor.contracts.kept_layers import KeepsLayers
from compressor_plugins.qat.params import QATParams


class QAT(KeepsLayers):
    """Fine-tune with few bits simulated (weights 8 or 4, activations 8 or 16), so that the model learns to live with
    them.

    Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference"
    (arXiv 1712.05877). Ranges may be learned as well: Esser et al. 2020, "Learned Step Size Quantization" (arXiv
    1902.08153), on the logarithms of Jain et al. 2020, "Trained Quantization Thresholds" (arXiv 1903.08066). Zeros and
    clusters that earlier steps made are kept. Layers that have no form here are named, and get their ranges
    from calibration when the file is made.
    """

    name = "qat"
    kept_in = "float"

    Params = QATParams

    def plan(self, state: ModelState) -> ModelState:
        """Needs a Keras model with plain layers."""
        state = state.require(format="keras", lacks="quantization_aware")
        return replace(state.add("quantization_aware"), trained_for=self.params.precision)

    def apply(self, model: Model, context: StepContext) -> Model:
        """The model with fake quantization in its layers."""
        from compressor_plugins.qat.fine_tuning import fine_tuned

        return fine_tuned(model, self.params, context)

    def keeping(self, layers: Sequence[str]) -> Mapping[str, Any]:
        """The layers left alone, in float."""
        return {"except": [*self.params.except_, *(name for name in layers if name not in self.params.except_)]}

    def custom_objects(self) -> Mapping[str, Any]:
        """tfmot's wrappers, quantizers and configs, and our own."""
        from compressor_plugins.qat.fine_tuning import known_objects

        return known_objects()
