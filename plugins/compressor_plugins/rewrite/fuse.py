"""Rewrites a model into fewer and plainer layers."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

import compressor
from compressor import Model, ModelState, StepContext, StepError, Strategy
from compressor_plugins.graph.batch_norm import fold_batch_norms
from compressor_plugins.graph.flattening import flatten
from compressor_plugins.graph.operation_layers import map_operations
from compressor_plugins.graph.relu_fusion import fuse_relus
from compressor_plugins.graph.rewrites import Rewrite, prepared

_TOLERANCE = 1e-4  # of the largest output; sums in another order differ by about a tenth of that


class Fuse(Strategy):
    """Rewrite the model into fewer and plainer layers that give the same outputs, without training.

    Folding: Jacob et al. 2018 (arXiv 1712.05877), section 3.2. The outputs are compared before and after.
    """

    name = "fuse"

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
        rewritten = prepared(model, self._rewrites(context), context, "'fuse'").build()
        if not context.notes:
            context.note("there was nothing to rewrite")
        require_same_outputs(model, rewritten, context)
        return rewritten

    def _rewrites(self, context: StepContext) -> list[Rewrite]:
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


def require_same_outputs(model: Any, rewritten: Any, context: StepContext) -> None:
    """Hold a rewritten model to the outputs of the one that it was.

    Raises:
        StepError: they differ by more than sums in another order explain.
    """
    import tensorflow as tf

    for features in context.calibration(4):
        pairs = zip(tf.nest.flatten(model(features)), tf.nest.flatten(rewritten(features)), strict=True)
        for old, new in pairs:
            before, after = np.asarray(old, np.float64), np.asarray(new, np.float64)
            apart = float(np.abs(before - after).max(initial=0))
            if apart > _TOLERANCE * max(1.0, float(np.abs(before).max(initial=0))):
                what = f"the rewritten model's outputs differ by {apart:.2g} from those before"
                raise StepError(what, "switch the rewrites off one by one, and report the one it is")
