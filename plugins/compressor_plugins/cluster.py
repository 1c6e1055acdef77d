"""Weight clustering: a kernel holds no more than k different values."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field

import compressor
from compressor import Model, ModelState, StepContext, StepError, Strategy
from compressor_plugins.centroids import clustered
from compressor_plugins.kept_structure import kept
from compressor_plugins.kernels import targeted


class Cluster(Strategy):
    """Let groups of weights share a value: k-means in each kernel, then training of the shared values.

    Han et al. 2016, "Deep Compression: Compressing Deep Neural Networks with Pruning, Trained Quantization and Huffman
    Coding" (arXiv 1510.00149), section 3. The file stays as large, and compresses far better. Zeros that pruning made
    are kept, and count as one of the values.
    """

    name = "cluster"

    class Params(compressor.TrainingParams, compressor.LayerTargets):
        """How many values, where they start, and how to train them."""

        number_of_clusters: int = Field(
            16, ge=2, le=4096, description="most different values in a kernel, zero included"
        )
        centroids: Literal["linear", "density", "random", "kmeans++"] = Field(
            "linear",
            description="where k-means starts: evenly over the weights' range, over their distribution, at random "
            "weights, or at weights far from each other",
        )
        per_channel: bool = Field(
            False, description="cluster each output channel on its own, with number_of_clusters values each"
        )
        epochs: int = Field(2, ge=1, le=10_000, description="passes over the training split")

    def plan(self, state: ModelState) -> ModelState:
        """Needs a Keras model with plain layers."""
        return state.require(format="keras", lacks="quantization_aware").add("clustered")

    def apply(self, model: Model, context: StepContext) -> Model:
        """The model with few values in its kernels; its other weights are trained on."""
        params = self.params
        chosen = targeted(model, params, context, "clustered")
        generator = np.random.default_rng(context.seed)
        few = []
        for target in chosen:
            for kernel in target.kernels:
                values = kernel.numpy()
                if values.size <= params.number_of_clusters:
                    few.append(target.name)
                kernel.assign(
                    clustered(
                        values,
                        params.number_of_clusters,
                        params.centroids,
                        generator,
                        per_channel=params.per_channel,
                        keep_zeros="sparse" in context.state.traits,
                    )
                )
        chosen = [target for target in chosen if target.name not in few]
        if not chosen:
            raise StepError("there is no layer that can be clustered", "name other layers, or drop the step")
        for name in few:
            context.leave_alone(name, f"it has no more than {params.number_of_clusters} weights")
        context.fit(model, params, kept(model, context.state.add("clustered")))
        for target in chosen:
            _require_clusters(target.name, target.kernels, params)
        return model


def _require_clusters(name: str, kernels: list[Any], params: Cluster.Params) -> None:
    for kernel in kernels:
        channels = kernel.shape[-1] if params.per_channel else 1
        values = len(np.unique(kernel.numpy()))
        if values > params.number_of_clusters * channels:
            what = f"the layer '{name}' ended with {values} values, more than {params.number_of_clusters * channels}"
            raise StepError(what, "report this, with the recipe; it should not be possible")
