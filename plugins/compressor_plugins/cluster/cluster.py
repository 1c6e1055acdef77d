"""Weight clustering: a kernel holds at most k different values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

import compressor
from compressor import Model, ModelState, StepContext, StepError, Strategy
from compressor.contracts.kept_structure import groups_of, keeping, structure_of
from compressor.contracts.layer_targets import value_for
from compressor.contracts.param_fields import Search
from compressor_plugins.cluster.centroids import clustered
from compressor_plugins.shared.frozen import nothing_left
from compressor_plugins.shared.kernels import Target, others, targeted


class Cluster(Strategy):
    """Reduce the weights of each kernel to a few shared values by k-means, then train these values.

    Han et al. 2016, "Deep Compression: Compressing Deep Neural Networks with Pruning, Trained Quantization and Huffman
    Coding" (arXiv 1510.00149), section 3. The file gets no smaller by itself, but compresses far better. Zeros from
    pruning are kept, and count as one of the values.
    """

    name = "cluster"

    class Params(compressor.TrainingParams, compressor.LayerTargets):
        """How many values a kernel may have, how k-means starts, and how to train."""

        by_layer: ClassVar[tuple[str, ...]] = ("clusters",)

        number_of_clusters: Annotated[int, Search.of(8, 16, 32, 64)] = Field(
            16, ge=2, le=4096, description="largest number of different values in a kernel, zero included"
        )
        clusters: dict[str, Annotated[int, Field(ge=2, le=4096)]] = Field(
            {},
            description="`number_of_clusters` for single layers, by name, glob or type; the last match counts",
        )
        centroids: Literal["linear", "density", "random", "kmeans++"] = Field(
            "linear",
            description="how k-means starts: spread evenly over the range of the weights (`linear`) or over their "
            "distribution (`density`), at `random` weights, or at weights far apart (`kmeans++`)",
        )
        per_channel: bool = Field(
            False, description="cluster each output channel separately, with `number_of_clusters` values each"
        )
        epochs: int = Field(2, ge=1, le=10_000, description="passes over the training split")

    def plan(self, state: ModelState) -> ModelState:
        """Takes a Keras model that is not quantization-aware; its kernels become clustered."""
        return state.require(format="keras", lacks="quantization_aware").add("clustered")

    def apply(self, model: Model, context: StepContext) -> Model:
        """The model with few values in its kernels. Training goes on for its other weights too."""
        params = self.params
        chosen = targeted(model, params, context, "clustered")
        chosen = self._large_enough(chosen, context)
        if not chosen:
            remedy = "name other layers, or drop the step"
            raise nothing_left("there is no layer that can be clustered", remedy, context)
        self._refuse_too_few(chosen, context)
        generator = np.random.default_rng(context.seed)
        for target in chosen:
            for kernel in target.kernels:
                kernel.assign(
                    clustered(
                        kernel.numpy(),
                        self._most_values(target),
                        params.centroids,
                        generator,
                        per_channel=params.per_channel,
                        axis=target.output_axis,
                        keep_zeros="sparse" in context.state.traits,
                    )
                )
        parts = [groups_of(kernel) for target in chosen for kernel in target.kernels]
        context.fit(model, params, [keeping([*parts, *structure_of(others(model, chosen), context.state)])])
        for target in chosen:
            self._require(target)
        return model

    def _most_values(self, target: Target) -> int:
        """How many values a layer may have, in each kernel or in each channel."""
        own = value_for(self.params.clusters, target.name, target.kind)
        values: int = self.params.number_of_clusters if own is None else own
        return values

    def _large_enough(self, targets: Sequence[Target], context: StepContext) -> list[Target]:
        """The layers with more weights than values, per kernel or per channel. The context records the others."""
        large = []
        for target in targets:
            values = self._most_values(target)
            where = " in a channel" if self.params.per_channel else ""
            sizes = [kernel.shape.num_elements() // self._parts(target, kernel) for kernel in target.kernels]
            if min(sizes) <= values:
                context.leave_alone(target.name, f"it has no more than {values} weights{where}")
            else:
                large.append(target)
        return large

    def _refuse_too_few(self, targets: Sequence[Target], context: StepContext) -> None:
        """Refuse kernels none of which has twice as many weights as values: hardly any weights would share one."""
        room = [
            (kernel.shape.num_elements() // (2 * self._parts(target, kernel)), self._most_values(target))
            for target in targets
            for kernel in target.kernels
        ]
        if all(most < values for most, values in room):
            most, values = max(room)
            where = " in each channel" if self.params.per_channel else ""
            what = f"too few weights can be trained for {values} clusters{where}"
            lower = f"lower 'number_of_clusters' to {most}, or drop the step" if most > 1 else "or drop the step"
            raise nothing_left(what, lower, context)

    def _parts(self, target: Target, kernel: Any) -> int:
        """How many parts of a kernel have values of their own: one for each channel, or one in all."""
        return int(kernel.shape[target.output_axis]) if self.params.per_channel else 1

    def _require(self, target: Target) -> None:
        for kernel in target.kernels:
            values, most = len(np.unique(kernel.numpy())), self._most_values(target) * self._parts(target, kernel)
            if values > most:
                what = f"the layer '{target.name}' ended with {values} values, more than {most}"
                raise StepError(what, "report this, with the recipe; it should not be possible")
