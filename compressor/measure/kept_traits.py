"""Checks that a step kept what earlier steps made, and made what it claims, by counting in the file that would ship."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from compressor.base.errors import StepError
from compressor.contracts.model_state import ModelState, Trait
from compressor.measure.results import Stage
from compressor.models.litert.reading.contents import Anatomy, WeightTensor

_LOST = 0.005  # share of a kernel's weights that may become other than zero, by rounding
_PLAIN_BITS = 8  # of weights that the converter quantizes where the model has no fake quantization
_MORE_BITS = 0.5  # mean bits of a weight that may be added, as where a layer is merged with another
_NONE = 0.01  # share of zeros that a model has without pruning


def refuse_broken(id_: str, state: ModelState, before: Sequence[Stage], now: Anatomy) -> None:
    """Compare the traits that a step claims with what its file holds.

    Args:
        id_: of the step.
        state: of the model after it, as the step planned it.
        before: the stages before it, the baseline first.
        now: what was counted in the step's own file.

    Raises:
        StepError: a trait is missing, or zeros, clusters or few bits that an earlier step made are lost.
    """
    if "sparse" in state.traits:
        _refuse_lost_zeros(id_, before, now)
    if "clustered" in state.traits:
        _refuse_lost_clusters(id_, before, now)
    if "quantized" in state.traits and now.kernels:
        _refuse_lost_bits(id_, before, now)
    plain = not now.integer_activations and now.weight_bits >= _PLAIN_BITS
    if "quantization_aware" in state.traits and before and now.kernels and plain:
        remedy = "mend its strategy, or drop the step"
        raise StepError(f"the step '{id_}' claims fake quantization and left none", remedy)


def _refuse_lost_bits(id_: str, before: Sequence[Stage], now: Anatomy) -> None:
    if now.weight_bits >= 32:
        raise StepError(f"the step '{id_}' quantized no weight", "see run.log for the converter's words")
    made = _made("quantized", before)
    if made is not None and now.weight_bits > made.measurement.anatomy.weight_bits + _MORE_BITS:
        was = made.measurement.anatomy.weight_bits
        what = f"the step '{id_}' lost quantization: {was:.3g} bits a weight after '{made.id}', "
        what += f"{now.weight_bits:.3g} now"
        raise StepError(what, f"put it before '{made.id}', or use a strategy that keeps it")


def _refuse_lost_zeros(id_: str, before: Sequence[Stage], now: Anatomy) -> None:
    made = _made("sparse", before)
    if made is None:
        if before and now.sparsity < _NONE and now.sparsity <= before[-1].measurement.anatomy.sparsity:
            raise StepError(f"the step '{id_}' claims zeros and left none", "mend its strategy, or drop the step")
        return
    old = made.measurement.anatomy
    size = sum(tensor.size for tensor in old.kernels)
    grown = sum(map(_alive, _without_new(old, now))) > sum(map(_alive, old.kernels)) + max(1, size * _LOST)
    if grown or _worse(old, now, _alive, lambda tensor: max(1, tensor.size * _LOST)):
        what = (
            f"the step '{id_}' lost zeros: {old.sparsity:.1%} of the weights after '{made.id}', {now.sparsity:.1%} now"
        )
        raise StepError(what, f"put it before '{made.id}', or use a strategy that keeps zeros")


def _refuse_lost_clusters(id_: str, before: Sequence[Stage], now: Anatomy) -> None:
    made = _made("clustered", before)
    if made is None:
        if before and not any(_is_clustered(tensor) for tensor in now.kernels):
            raise StepError(f"the step '{id_}' claims clusters and left none", "mend its strategy, or drop the step")
        return
    old = made.measurement.anatomy
    if worse := _worse(old, now, _values, lambda _: 0):
        was, became = worse
        what = f"the step '{id_}' lost clusters: '{became.name}' had {was} values after '{made.id}', "
        what += f"and has {became.unique} now"
        raise StepError(what, f"put it before '{made.id}', or use a strategy that keeps clusters")


def _values(kernel: WeightTensor) -> int:
    """How many values a kernel has; as many as weights where hardly any are shared, which is no clustering to keep."""
    nonzero = kernel.unique - (kernel.zeros > 0)
    return kernel.unique if nonzero <= _alive(kernel) / 2 else kernel.size


def _is_clustered(kernel: WeightTensor) -> bool:
    """Whether values repeat more often than they must in a type of so few bits."""
    most = 2 ** (kernel.bits - 1) if kernel.bits <= 8 else kernel.size
    return kernel.channel_unique <= min(kernel.size // 2, most)


def _made(trait: Trait, before: Sequence[Stage]) -> Stage | None:
    """The stage that made a trait which the model has had ever since; None where it has none."""
    maker = None
    for stage in reversed(before):
        if trait not in stage.state.traits:
            break
        maker = stage
    return maker


def _worse(
    old: Anatomy,
    now: Anatomy,
    cost: Callable[[WeightTensor], float],
    allowed: Callable[[WeightTensor], float],
) -> tuple[int, WeightTensor] | None:
    """What a kernel cost before, and the kernel that costs more now; None where there is none.

    Conversions rename and reorder kernels, so those of one shape are paired in order of cost. Where a step changed
    shapes, all kernels are paired so: whatever channels are removed, the n-th largest cost cannot rise.
    """
    before, after = _by_shape(old), _by_shape(now)
    if len(old.kernels) == len(now.kernels) and _counts(before) != _counts(after):
        before, after = {(): list(old.kernels)}, {(): list(now.kernels)}
    for shape, kernels in after.items():
        pairs = zip(sorted(before.get(shape, ()), key=cost), sorted(kernels, key=cost), strict=False)
        for was, became in pairs:
            if cost(became) > cost(was) + allowed(became):
                return int(cost(was)), became
    return None


def _without_new(old: Anatomy, now: Anatomy) -> list[WeightTensor]:
    """The kernels without those that only the conversion added: normalizations as 1x1 depthwise convolutions."""
    more = max(0, len(now.kernels) - len(old.kernels))
    known = _by_shape(old)
    new = [tensor for tensor in now.kernels if tensor.shape[:-1] == (1, 1, 1) and tensor.shape not in known][:more]
    return [tensor for tensor in now.kernels if tensor not in new]


def _alive(tensor: WeightTensor) -> int:
    """Weights that are not zero."""
    return tensor.size - tensor.zeros


def _counts(kernels: Mapping[tuple[int, ...], Sequence[WeightTensor]]) -> dict[tuple[int, ...], int]:
    return {shape: len(tensors) for shape, tensors in kernels.items()}


def _by_shape(anatomy: Anatomy) -> dict[tuple[int, ...], list[WeightTensor]]:
    groups: defaultdict[tuple[int, ...], list[WeightTensor]] = defaultdict(list)
    for tensor in anatomy.kernels:
        groups[tensor.shape].append(tensor)
    return groups
