"""Magnitude pruning while training."""

from __future__ import annotations

from compressor import Model, ModelState, StepContext, Strategy
from compressor_plugins.prune.params import PruneParams


class Prune(Strategy):
    """Set the weights of smallest magnitude to zero, gradually during training.

    Zhu & Gupta 2017, "To prune, or not to prune: exploring the efficacy of pruning for model compression"
    (arXiv 1710.01878): sparsity(t) = final + (initial - final) * (1 - t / ramp) ** power.
    Rounds that rewind the weights: Frankle & Carbin 2018, "The Lottery Ticket Hypothesis" (arXiv 1803.03635); rounds
    that rewind the learning rate: Renda et al. 2020, "Comparing Rewinding and Fine-tuning in Neural Network Pruning"
    (arXiv 2003.02389). N:m sparsity: Mishra et al. 2021, "Accelerating Sparse Deep Neural Networks" (arXiv 2104.08378).
    """

    name = "prune"

    Params = PruneParams

    def plan(self, state: ModelState) -> ModelState:
        """Takes a Keras model that is neither clustered nor quantization-aware; its kernels become sparse."""
        return state.require(format="keras", lacks="quantization_aware").require(lacks="clustered").add("sparse")

    def apply(self, model: Model, context: StepContext) -> Model:
        """The model with zeros in its kernels. Training goes on for its biases and other layers too."""
        from compressor_plugins.prune.pruning import pruned

        return pruned(model, self.params, context)
