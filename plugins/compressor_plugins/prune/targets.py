"""Filters out the chosen layers that cannot be pruned as asked: too small, of the wrong shape, or without benefit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from compressor import StepContext, StepError
from compressor_plugins.shared.kernels import Target


def require_sparse_inference(model: Any) -> None:
    """Check with tfmot's own test that XNNPACK could run a model sparse.

    Raises:
        StepError: it could not.
    """
    from tensorflow_model_optimization.python.core.sparsity.keras import pruning_policy

    try:
        pruning_policy.PruneForLatencyOnXNNPack().ensure_model_supports_pruning(model)
    except ValueError as error:
        reason = str(error).split("\n")[0].rstrip(".")
        raise StepError(f"XNNPACK cannot run this model sparse ({reason})", "use 'policy: all'") from None


def prunable(
    targets: Sequence[Target],
    context: StepContext,
    *,
    pattern: tuple[int, int] | None,
    block: Sequence[int] | None,
    pointwise_only: bool,
    min_weights: int,
) -> list[Target]:
    """The targets that can be pruned as asked. The context records the others, each with the reason.

    Args:
        targets: the layers to choose from.
        context: records the layers that are left alone.
        pattern: n and m of an n:m pattern; the number of a layer's inputs must be a multiple of m.
        block: height and width of the blocks to prune; kernels must then be matrices.
        pointwise_only: whether to prune only 1x1 convolutions.
        min_weights: the fewest weights that a layer may have.
    """
    result = []
    for target in targets:
        if reason := (
            _too_small(target, min_weights)
            or (_not_pointwise(target) if pointwise_only else "")
            or (_no_blocks(target, *block) if block else "")
            or (_no_groups(target, pattern[1]) if pattern else "")
        ):
            context.leave_alone(target.name, reason)
        else:
            result.append(target)
    return result


def _too_small(target: Target, min_weights: int) -> str:
    size = sum(kernel.shape.num_elements() for kernel in target.kernels)
    if size <= len(target.kernels):
        return "it has a single weight, and one has to stay"
    return f"it has {size:,} weights, fewer than 'min_weights: {min_weights}'" if size < min_weights else ""


def _not_pointwise(target: Target) -> str:
    pointwise = target.kind == "Conv2D" and tuple(target.layer.kernel_size) == (1, 1)
    return "" if pointwise else "XNNPACK runs only 1x1 convolutions sparse"


def _no_blocks(target: Target, height: int, width: int) -> str:
    if ranks := {kernel.shape.rank for kernel in target.kernels} - {2}:
        return f"only kernels of two dimensions are pruned in blocks, and it has one of {min(ranks)}"
    whole = any(kernel.shape[0] <= height and kernel.shape[1] <= width for kernel in target.kernels)
    return f"one block of {height}x{width} would cover a whole kernel" if whole else ""


def _no_groups(target: Target, m: int) -> str:
    axis = target.input_axis
    if axis is None:
        return f"the inputs of {target.kind} do not lie along one axis of its kernel"
    uneven = [kernel.shape[axis] for kernel in target.kernels if kernel.shape[axis] % m]
    return f"its {uneven[0]} input{'s' if uneven[0] > 1 else ''} cannot be divided into groups of {m}" if uneven else ""
