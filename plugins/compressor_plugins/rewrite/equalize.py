"""Makes a model easier to quantize without changing what it computes."""

from __future__ import annotations

import compressor
from compressor import Model, ModelState, StepContext, Strategy


class Equalize(Strategy):
    """Even out the ranges of channels between layers, so that weights quantized with one scale lose less.

    Nagel et al. 2019, "Data-free quantization through weight equalization and bias correction" (arXiv 1906.04721),
    section 4.1. BatchNormalization is folded first, and the outputs are compared before and after. It pays before `ptq`
    with a scale a tensor, and for activations whose channels differ much.
    """

    name = "equalize"
    in_place = False

    class Params(compressor.Params):
        """There is nothing to choose."""

    def plan(self, state: ModelState) -> ModelState:
        """Needs a Keras model with plain layers; zeros stay, and clusters would be parted."""
        return state.require(format="keras", lacks="quantization_aware").require(lacks="clustered")

    def apply(self, model: Model, context: StepContext) -> Model:
        """The same function with other weights."""
        from compressor_plugins.graph.batch_norm import fold_batch_norms
        from compressor_plugins.graph.flattening import flatten
        from compressor_plugins.graph.operation_layers import map_operations
        from compressor_plugins.graph.relu_fusion import fuse_relus
        from compressor_plugins.graph.rewrites import prepared, tell
        from compressor_plugins.graph.separable_split import split_separable
        from compressor_plugins.rewrite.equalization import equalize_channels
        from compressor_plugins.rewrite.same_outputs import require_same_outputs

        rewrites = (flatten, map_operations, split_separable, fold_batch_norms, fuse_relus)
        graph = prepared(model, rewrites, context, "'equalize'")
        done = equalize_channels(graph)
        tell(done, context)
        if not done.changed:
            context.note("no two layers follow one another through a ReLU alone, so that nothing was evened out")
        equalized = graph.build()
        require_same_outputs(model, equalized, context)
        return equalized
