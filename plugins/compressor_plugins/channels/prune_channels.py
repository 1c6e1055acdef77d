"""Structured pruning: whole filters and neurons go, and what is left is an ordinary, smaller model."""

from __future__ import annotations

from compressor import Model, ModelState, StepContext, Strategy
from compressor_plugins.channels.params import PruneChannelsParams


class PruneChannels(Strategy):
    """Remove the filters and neurons that matter least, so that the file gets smaller and faster, then train.

    By magnitude: Li et al. 2017, "Pruning Filters for Efficient ConvNets" (arXiv 1608.08710). By BatchNormalization's
    factors: Liu et al. 2017, "Learning Efficient Convolutional Networks through Network Slimming" (arXiv 1708.06519).
    Channels that meet, as in a residual addition, go together or not at all; what a layer does with its channels that
    is not understood keeps them, and is named. Layers that make the model's outputs keep theirs.
    """

    depends_on_weights = True
    name = "prune_channels"

    Params = PruneChannelsParams

    def plan(self, state: ModelState) -> ModelState:
        """Needs a Keras model with plain layers; zeros and clusters stay in the weights that do."""
        return state.require(format="keras", lacks="quantization_aware")

    def apply(self, model: Model, context: StepContext) -> Model:
        """A model with fewer channels, trained on."""
        from compressor_plugins.channels.removal import narrowed

        return narrowed(model, self.params, context)
