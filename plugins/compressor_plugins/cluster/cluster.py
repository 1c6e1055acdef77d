"""Weight clustering: a kernel holds at most k different values."""

from __future__ import annotations

from compressor import Model, ModelState, StepContext, Strategy
from compressor_plugins.cluster.params import ClusterParams


class Cluster(Strategy):
    """Reduce the weights of each kernel to a few shared values by k-means, then train these values.

    Han et al. 2016, "Deep Compression: Compressing Deep Neural Networks with Pruning, Trained Quantization and Huffman
    Coding" (arXiv 1510.00149), section 3. The file gets no smaller by itself, but compresses far better. Zeros from
    pruning are kept, and count as one of the values.
    """

    name = "cluster"

    Params = ClusterParams

    def plan(self, state: ModelState) -> ModelState:
        """Takes a Keras model that is not quantization-aware; its kernels become clustered."""
        return state.require(format="keras", lacks="quantization_aware").add("clustered")

    def apply(self, model: Model, context: StepContext) -> Model:
        """The model with few values in its kernels. Training goes on for its other weights too."""
        from compressor_plugins.cluster.clustering import with_few_values

        return with_few_values(model, self.params, context)
