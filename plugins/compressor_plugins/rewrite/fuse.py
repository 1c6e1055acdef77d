"""Rewrites a model into fewer and plainer layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

import compressor
from compressor import Model, ModelState, StepContext, Strategy

if TYPE_CHECKING:
    from compressor_plugins.graph.rewrites import Rewrite


class Fuse(Strategy):
    """Rewrite the model into fewer and plainer layers that give the same outputs, without training.

    Folding: Jacob et al. 2018 (arXiv 1712.05877), section 3.2. The outputs are compared before and after.
    """

    name = "fuse"
    in_place = False

    class Params(compressor.Params):
        """What to rewrite."""

        flatten: bool = Field(True, description="put the layers of nested models into the model")
        map_operations: bool = Field(True, description="replace operations such as `x * 0.5` by layers")
        fold_batch_norm: bool = Field(True, description="fold BatchNormalization into the layer before it")
        fuse_relu: bool = Field(True, description="make a ReLU of its own part of the layer before it")

    def plan(self, state: ModelState) -> ModelState:
        """Needs a Keras model with plain layers; its zeros and clusters stay."""
        return state.require(format="keras", lacks="quantization_aware")

    def apply(self, model: Model, context: StepContext) -> Model:
        """The rewritten model."""
        from compressor_plugins.graph.rewrites import prepared
        from compressor_plugins.rewrite.same_outputs import require_same_outputs

        rewritten = prepared(model, self._rewrites(context), context, "'fuse'").build()
        if not context.notes:
            context.note("there was nothing to rewrite")
        require_same_outputs(model, rewritten, context)
        return rewritten

    def _rewrites(self, context: StepContext) -> list[Rewrite]:
        from compressor_plugins.graph.batch_norm import fold_batch_norms
        from compressor_plugins.graph.flattening import flatten
        from compressor_plugins.graph.operation_layers import map_operations
        from compressor_plugins.graph.relu_fusion import fuse_relus

        params = self.params
        clustered = "clustered" in context.state.traits
        if params.fold_batch_norm and clustered:
            context.note("folded no BatchNormalization, whose factor for each channel would part the clusters")
        chosen = (
            (params.flatten, flatten),
            (params.map_operations, map_operations),
            (params.fold_batch_norm and not clustered, fold_batch_norms),
            (params.fuse_relu, fuse_relus),
        )
        return [rewrite for wanted, rewrite in chosen if wanted]
