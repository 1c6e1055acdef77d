"""Growth: a model that is too small gets more filters and neurons, and knows what it knew."""

from __future__ import annotations

from compressor import Model, ModelState, StepContext, Strategy
from compressor_plugins.channels.params import GrowChannelsParams


class GrowChannels(Strategy):
    """Copy the filters and neurons that matter most, so that a model that is too small gets wider, then train.

    Until it is trained, the wider model computes what it did before: Chen et al. 2016, "Net2Net" (arXiv 1511.05641).
    `prune_channels` and then this step keep a model's cost and give each layer the width that it is worth: Gordon et
    al. 2018, "MorphNet" (arXiv 1711.06798). Channels that meet, as in a residual addition, grow together. A layer that
    does something unknown with channels keeps them, and is named, as do layers that make the model's outputs.
    """

    depends_on_weights = True
    name = "grow_channels"

    Params = GrowChannelsParams

    def plan(self, state: ModelState) -> ModelState:
        """Takes a Keras model without fake quantization, zeros or clusters, since copies add weights and split them."""
        return (
            state.require(format="keras", lacks="quantization_aware").require(lacks="sparse").require(lacks="clustered")
        )

    def apply(self, model: Model, context: StepContext) -> Model:
        """A model with more channels, trained on."""
        from compressor_plugins.channels.growth import widened

        return widened(model, self.params, context)
