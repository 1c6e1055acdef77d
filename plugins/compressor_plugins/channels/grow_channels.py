"""Growth: a model that is too small gets more filters and neurons, and knows what it knew."""

from __future__ import annotations

from compressor import Model, ModelState, StepContext, Strategy
from compressor_plugins.channels.params import GrowChannelsParams


class GrowChannels(Strategy):
    """Copy the filters and neurons that matter most, so that a model that is too small gets wider, then train.

    The wider model computes the same before it is trained: Chen et al. 2016, "Net2Net" (arXiv 1511.05641). After
    `prune_channels`, all layers together have the cost they had, where each is as wide as it is worth: Gordon et al.
    2018, "MorphNet" (arXiv 1711.06798). Channels that meet, as in a residual addition, grow together; what a layer does
    with its channels that is not understood keeps them, and is named. Layers that make the model's outputs keep theirs.
    """

    depends_on_weights = True
    name = "grow_channels"

    Params = GrowChannelsParams

    def plan(self, state: ModelState) -> ModelState:
        """Needs a Keras model with plain layers and without clusters, which parts of weights would not be."""
        return state.require(format="keras", lacks="quantization_aware").require(lacks="clustered")

    def apply(self, model: Model, context: StepContext) -> Model:
        """A model with more channels, trained on."""
        from compressor_plugins.channels.growth import widened

        return widened(model, self.params, context)
