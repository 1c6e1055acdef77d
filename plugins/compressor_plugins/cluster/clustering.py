"""Clusters a model for `cluster`: gives its kernels few values, and trains these."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from compressor import Model, StepContext, StepError
from compressor.contracts.kept_structure import groups_of, keeping, structure_of
from compressor.contracts.layer_targets import value_for
from compressor_plugins.cluster.centroids import clustered
from compressor_plugins.cluster.params import ClusterParams
from compressor_plugins.shared.frozen import nothing_left
from compressor_plugins.shared.kernels import Target, others, targeted


def with_few_values(model: Model, params: ClusterParams, context: StepContext) -> Model:
    """The model with few values in its kernels. Training goes on for its other weights too.

    Raises:
        StepError: there is no layer that can be clustered, or none with enough weights for as many clusters.
    """
    chosen = targeted(model, params, context, "clustered")
    chosen = _large_enough(chosen, params, context)
    if not chosen:
        remedy = "name other layers, or drop the step"
        raise nothing_left("there is no layer that can be clustered", remedy, context)
    _refuse_too_few(chosen, params, context)
    generator = np.random.default_rng(context.seed)
    for target in chosen:
        for kernel in target.kernels:
            kernel.assign(
                clustered(
                    kernel.numpy(),
                    _most_values(target, params),
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
        _require(target, params)
    return model


def _most_values(target: Target, params: ClusterParams) -> int:
    """How many values a layer may have, in each kernel or in each channel."""
    own = value_for(params.clusters, target.name, target.kind)
    values: int = params.number_of_clusters if own is None else own
    return values


def _large_enough(targets: Sequence[Target], params: ClusterParams, context: StepContext) -> list[Target]:
    """The layers with more weights than values, per kernel or per channel. The context records the others."""
    large = []
    for target in targets:
        values = _most_values(target, params)
        where = " in a channel" if params.per_channel else ""
        sizes = [kernel.shape.num_elements() // _parts(target, kernel, params) for kernel in target.kernels]
        if min(sizes) <= values:
            context.leave_alone(target.name, f"it has no more than {values} weights{where}")
        else:
            large.append(target)
    return large


def _refuse_too_few(targets: Sequence[Target], params: ClusterParams, context: StepContext) -> None:
    """Refuse kernels none of which has twice as many weights as values: hardly any weights would share one."""
    room = [
        (kernel.shape.num_elements() // (2 * _parts(target, kernel, params)), _most_values(target, params))
        for target in targets
        for kernel in target.kernels
    ]
    if all(most < values for most, values in room):
        most, values = max(room)
        where = " in each channel" if params.per_channel else ""
        what = f"too few weights can be trained for {values} clusters{where}"
        lower = f"lower 'number_of_clusters' to {most}, or drop the step" if most > 1 else "or drop the step"
        raise nothing_left(what, lower, context)


def _parts(target: Target, kernel: Any, params: ClusterParams) -> int:
    """How many parts of a kernel have values of their own: one for each channel, or one in all."""
    return int(kernel.shape[target.output_axis]) if params.per_channel else 1


def _require(target: Target, params: ClusterParams) -> None:
    for kernel in target.kernels:
        values, most = len(np.unique(kernel.numpy())), _most_values(target, params) * _parts(target, kernel, params)
        if values > most:
            what = f"the layer '{target.name}' ended with {values} values, more than {most}"
            raise StepError(what, "report this, with the recipe; it should not be possible")
