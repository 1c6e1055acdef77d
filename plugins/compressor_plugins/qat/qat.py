"""Quantization-aware training: weights in 8 or 4 bits, activations in 8 or 16."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from compressor import Model, ModelState, StepContext, Strategy
from compressor_plugins.qat.params import QATParams


class QAT(Strategy):
    """Fine-tune with few bits simulated (weights 8 or 4, activations 8 or 16), so that the model learns to live with
    them.

    Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference"
    (arXiv 1712.05877). Ranges may be learned as well: Esser et al. 2020, "Learned Step Size Quantization" (arXiv
    1902.08153), on the logarithms of Jain et al. 2020, "Trained Quantization Thresholds" (arXiv 1903.08066). Zeros and
    clusters that earlier steps made are kept. Layers that have no quantized form stay in float and are named.
    """

    name = "qat"

    Params = QATParams

    def plan(self, state: ModelState) -> ModelState:
        """Needs a Keras model with plain layers."""
        state = state.require(format="keras", lacks="quantization_aware")
        return replace(state.add("quantization_aware"), trained_for=self.params.precision)

    def apply(self, model: Model, context: StepContext) -> Model:
        """The model with fake quantization in its layers."""
        from compressor_plugins.qat.fine_tuning import fine_tuned

        return fine_tuned(model, self.params, context)

    def custom_objects(self) -> Mapping[str, Any]:
        """tfmot's wrappers, quantizers and configs, and our own."""
        from compressor_plugins.qat.fine_tuning import known_objects

        return known_objects()
