"""Which of the chosen layers pruning passes over: what is too small, does not fit, or would not gain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from compressor import StepContext, StepError
from compressor_plugins.shared.kernels import Target


def require_sparse_inference(model: Any) -> None:
    """See that XNNPACK could run a model sparse, by tfmot's account of what it can.

    Raises:
        StepError: it could not.
    """
    from tensorflow_model_optimization.python.core.sparsity.keras import pruning_policy

    try:
        pruning_policy.PruneForLatencyOnXNNPack().ensure_model_supports_pruning(model)
    except ValueError as error:
        reason = str(error).split("\n")[0].rstrip(".")
        raise StepError(f"XNNPACK cannot run this model sparse ({reason})", "use 'policy: all'") from None


def passed_over(
    targets: Sequence[Target],
    context: StepContext,
    *,
    pattern: tuple[int, int] | None,
    block: Sequence[int] | None,
    pointwise_only: bool,
    min_weights: int,
) -> list[Target]:
    """The targets less those that are left alone, each of which the context is told of.

    Args:
        targets: to choose from.
        context: told of those passed over.
        pattern: n and m, of which m must divide a layer's inputs.
        block: height and width of the blocks that kernels, which must be matrices then, are cut into.
        pointwise_only: whether to prune 1x1 convolutions alone.
        min_weights: of a layer that is worth it.
    """
    found = []
    for target in targets:
        if reason := (
            _too_small(target, min_weights)
            or (_not_pointwise(target) if pointwise_only else "")
            or (_no_blocks(target, *block) if block else "")
            or (_no_groups(target, pattern[1]) if pattern else "")
        ):
            context.leave_alone(target.name, reason)
        else:
            found.append(target)
    return found


def _too_small(target: Target, min_weights: int) -> str:
    size = sum(kernel.shape.num_elements() for kernel in target.kernels)
    return f"it has {size:,} weights, fewer than 'min_weights: {min_weights}'" if size < min_weights else ""


def _not_pointwise(target: Target) -> str:
    pointwise = target.kind == "Conv2D" and tuple(target.layer.kernel_size) == (1, 1)
    return "" if pointwise else "XNNPACK runs 1x1 convolutions sparse, and nothing else"


def _no_blocks(target: Target, height: int, width: int) -> str:
    if ranks := {kernel.shape.rank for kernel in target.kernels} - {2}:
        return f"blocks are cut from kernels of two dimensions, and it has one of {min(ranks)}"
    whole = any(kernel.shape[0] <= height and kernel.shape[1] <= width for kernel in target.kernels)
    return f"a block of {height}x{width} would be all of a kernel" if whole else ""


def _no_groups(target: Target, m: int) -> str:
    axis = target.input_axis
    if axis is None:
        return f"the inputs of {target.kind} stand along no one axis of its kernel"
    uneven = [kernel.shape[axis] for kernel in target.kernels if kernel.shape[axis] % m]
    return f"its {uneven[0]} input{'s' if uneven[0] > 1 else ''} cannot be parted into groups of {m}" if uneven else ""
