"""Low-rank factorization: a layer is replaced by two or three thin ones."""

from __future__ import annotations

from compressor import Model, ModelState, StepContext, Strategy
from compressor_plugins.low_rank.params import LowRankParams


class LowRank(Strategy):
    """Replace dense layers and convolutions by two or three thinner ones that approximate them, then train.

    Dense layers and 1x1 convolutions are factored by singular value decomposition (Denton et al. 2014, arXiv
    1404.0736), other convolutions by Tucker-2 (Kim et al. 2016, "Compression of Deep Convolutional Neural Networks for
    Fast and Low Power Mobile Applications", arXiv 1511.06530). A layer that would not have fewer weights is left alone.
    """

    depends_on_weights = True
    name = "low_rank"
    makes_layers = True

    Params = LowRankParams

    def plan(self, state: ModelState) -> ModelState:
        """Takes a Keras model without fake quantization, zeros or clusters to keep: the factors would lose them."""
        return (
            state.require(format="keras", lacks="quantization_aware").require(lacks="sparse").require(lacks="clustered")
        )

    def apply(self, model: Model, context: StepContext) -> Model:
        """The model with thin layers, fine-tuned."""
        from compressor_plugins.low_rank.factorization import factorized

        return factorized(model, self.params, context)
