"""Training for code length: the bits that the coder needs for the weights are part of the loss."""

from __future__ import annotations

from compressor import Model, ModelState, StepContext, Strategy
from compressor_plugins.entropy.params import EntropyParams


class Entropy(Strategy):
    """Train the weights for the bytes that they take in the package: few values, mostly zero, where it costs least.

    Each kernel is rounded to multiples of a step that is learned with it, and the bits that the coder of `pack` needs
    for it are part of the loss: after Oktay et al. 2020, "Scalable Model Compression by Entropy Penalized
    Reparameterization" (arXiv 1906.06624), and Wiedemann et al. 2019, "DeepCABAC" (arXiv 1907.11900), whose coder
    adapts to its contexts as that of `pack` does. Rows and columns with few weights cost little, so that whole inputs
    and outputs become zero. With `max_size` the weight of a bit is steered so that the package gets as small as asked.
    The file gets no smaller by itself: `ptq` makes integers of the steps, and `pack` codes them. Zeros from pruning
    are kept.
    """

    name = "entropy"

    Params = EntropyParams

    def plan(self, state: ModelState) -> ModelState:
        """Takes a Keras model that is neither clustered nor quantization-aware; kernels become sparse and clustered."""
        state = state.require(format="keras", lacks="quantization_aware").require(lacks="clustered")
        return state.add("sparse", "clustered")

    def apply(self, model: Model, context: StepContext) -> Model:
        """The model with rounded kernels. Training goes on for its biases and other layers too."""
        from compressor_plugins.entropy.coded_training import trained_for_size

        return trained_for_size(model, self.params, context)
