"""Weights that are powers of two: a plugin for compressor."""

from typing import Any

from pydantic import Field

import compressor

api_version = 1


class PowersOfTwo(compressor.Strategy):
    """Round weights to signed powers of two, so that they take few values and zip well.

    Miyashita, Lee & Murmann 2016, "Convolutional Neural Networks using Logarithmic Data Representation"
    (arXiv 1603.01025).
    """

    name = "powers_of_two"

    class Params(compressor.LayerTargets):
        """Which layers, and how fine."""

        powers: int = Field(
            6, ge=1, le=32, description="powers a tensor keeps, from its largest down; the rest is zero"
        )

    params: Params

    def plan(self, state: compressor.ModelState) -> compressor.ModelState:
        return state.require(format="keras", lacks="quantization_aware").add("clustered")

    def apply(self, model: compressor.Model, context: compressor.StepContext) -> compressor.Model:
        for layer in model.layers:
            if self.params.selects(layer.name, type(layer).__name__):
                layer.set_weights([self._rounded(w) if w.ndim > 1 else w for w in layer.get_weights()])
        return model

    def _rounded(self, weights: Any) -> Any:
        import numpy as np

        exponents = np.round(np.log2(np.abs(weights), where=weights != 0, out=np.full_like(weights, -np.inf)))
        kept = exponents > exponents.max() - self.params.powers
        return np.where(kept, np.sign(weights) * 2**exponents, 0).astype(weights.dtype)


@compressor.hookimpl
def strategies() -> list[type[compressor.Strategy]]:
    return [PowersOfTwo]
