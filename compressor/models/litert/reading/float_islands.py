"""Finds the operators of a file of integers that compute in float, group by group, with what stands around each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from compressor.models.litert.reading.measured_operators import (
    ComputedTensor,
    MeasuredFile,
    MeasuredOperator,
    TensorKey,
)

_CONVERTING = {"QUANTIZE", "DEQUANTIZE"}


@dataclass(frozen=True)
class Neighbor:
    """What feeds a float island or takes what it makes.

    Attributes:
        operator: the operator on the other side of what converts the values; None for an end of the model.
        tensor: what passes between the two, as the island has it: in float.
    """

    operator: MeasuredOperator | None
    tensor: ComputedTensor


@dataclass(frozen=True)
class FloatIsland:
    """Operators that compute in float and hand values to one another, in a file that also computes in integers.

    Attributes:
        operators: in their order.
        fed_by: where the values come from.
        taken_by: where they go.
        conversions: operators that only convert the values on their way in and out.
    """

    operators: tuple[MeasuredOperator, ...]
    fed_by: tuple[Neighbor, ...]
    taken_by: tuple[Neighbor, ...]
    conversions: int

    @property
    def between_integers(self) -> bool:
        """Whether operators in integers stand before and behind it, so that values are converted to float and back."""
        return all(any(_in_integers(side.operator) for side in sides) for sides in (self.fed_by, self.taken_by))

    @property
    def constant_bytes(self) -> int:
        """Bytes of the constants that its operators take."""
        return sum(operator.constant_bytes for operator in self.operators)

    @cached_property
    def made_bytes(self) -> int:
        """Bytes of the tensors that its operators make."""
        return sum(tensor.bytes for operator in self.operators for tensor in operator.makes)

    @property
    def macs(self) -> int | None:
        """Its multiply-accumulates; None where those of an operator are not known."""
        counts = [operator.macs for operator in self.operators]
        return None if None in counts else sum(count or 0 for count in counts)


def float_islands(file: MeasuredFile) -> tuple[FloatIsland, ...]:
    """The islands of a file in their order; none in a file that computes nothing in integers."""
    if not any(_in_integers(operator) for operator in file.operators):
        return ()
    surroundings = _Surroundings(file)
    return tuple(surroundings.island(members) for members in _groups(file.operators))


def _in_integers(operator: MeasuredOperator | None) -> bool:
    return operator is not None and operator.call.arithmetic == "integer"


def _converts(operator: MeasuredOperator) -> bool:
    return operator.call.name in _CONVERTING and operator.call.arithmetic == "neither"


def _groups(operators: Iterable[MeasuredOperator]) -> Iterator[list[MeasuredOperator]]:
    """Operators in float that hand tensors to one another, directly or by others of the group."""
    in_float = [operator for operator in operators if operator.call.arithmetic == "float"]
    makers = {tensor.key: place for place, operator in enumerate(in_float) for tensor in operator.makes}
    root = list(range(len(in_float)))

    def found(place: int) -> int:
        while root[place] != place:
            root[place] = root[root[place]]
            place = root[place]
        return place

    for place, operator in enumerate(in_float):
        for tensor in operator.takes:
            if tensor.key in makers:
                one, other = sorted((found(place), found(makers[tensor.key])))
                root[other] = one
    groups: dict[int, list[MeasuredOperator]] = {}
    for place, operator in enumerate(in_float):
        groups.setdefault(found(place), []).append(operator)
    yield from groups.values()


class _Surroundings:
    """Which operator makes each tensor of a file, and which ones take it."""

    def __init__(self, file: MeasuredFile) -> None:
        self._file = file
        self._makers: Mapping[TensorKey, MeasuredOperator] = {
            tensor.key: operator for operator in file.operators for tensor in operator.makes
        }
        self._takers: dict[TensorKey, list[MeasuredOperator]] = {}
        for operator in file.operators:
            for key in dict.fromkeys(tensor.key for tensor in operator.takes):
                self._takers.setdefault(key, []).append(operator)

    def island(self, members: list[MeasuredOperator]) -> FloatIsland:
        """The island of these operators."""
        numbers = {operator.number for operator in members}
        made = {tensor.key: tensor for operator in members for tensor in operator.makes}
        taken = {tensor.key: tensor for operator in members for tensor in operator.takes if tensor.key not in made}
        converting: set[int] = set()
        fed_by = [neighbor for tensor in taken.values() for neighbor in self._feeding(tensor, converting)]
        taken_by = [neighbor for tensor in made.values() for neighbor in self._taking(tensor, numbers, converting)]
        return FloatIsland(tuple(members), tuple(fed_by), tuple(taken_by), len(converting))

    def _feeding(self, tensor: ComputedTensor, converting: set[int]) -> Iterator[Neighbor]:
        """Where a tensor comes from; nothing for a constant that is only unpacked."""
        key, passed = tensor.key, set[int]()
        while (maker := self._makers.get(key)) is not None and _converts(maker):
            if maker.number in passed:  # in a damaged file
                return
            passed.add(maker.number)
            if not maker.takes:
                return
            key = maker.takes[0].key
        converting |= passed
        yield Neighbor(maker, tensor)

    def _taking(self, tensor: ComputedTensor, members: set[int], converting: set[int]) -> Iterator[Neighbor]:
        """Where a tensor goes to, outside the island."""
        waiting, passed = [tensor.key], set[TensorKey]()
        while waiting:
            key = waiting.pop()
            if key in passed:
                continue
            passed.add(key)
            if key in self._file.outputs:
                yield Neighbor(None, tensor)
            for taker in self._takers.get(key, ()):
                if _converts(taker):
                    converting.add(taker.number)
                    waiting += [made.key for made in taker.makes]
                elif taker.number not in members:
                    yield Neighbor(taker, tensor)
