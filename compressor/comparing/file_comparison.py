"""Compares two `.tflite` files operator by operator: which were added and removed, and how the others differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from typing import Any

from compressor.comparing.keras_layers import LayerComparison
from compressor.models.litert.reading.operator_calls import Constant, OperatorCall, calls_of


@dataclass(frozen=True)
class ConstantChange:
    """A constant of an operator that both files have; `before` or `after` is None where that file lacks it."""

    before: Constant | None
    after: Constant | None

    @property
    def name(self) -> str:
        """Its name in the later file, or else in the earlier one."""
        found = self.after or self.before
        assert found is not None
        return found.name


@dataclass(frozen=True)
class CallChange:
    """An operator that both files have, and that differs between them.

    `constants` are those whose bytes, type or shape changed.
    """

    before: OperatorCall
    after: OperatorCall
    constants: tuple[ConstantChange, ...]


@dataclass(frozen=True)
class OperatorKind:
    """An operator's calls in both files, the types that it computes in, and the bytes of its constants."""

    name: str
    calls: tuple[int, int]
    computes_in: tuple[str, str]
    bytes: tuple[int, int]


@dataclass(frozen=True)
class FileComparison:
    """How two files differ, operator by operator.

    Attributes:
        kinds: each operator of either file, those whose bytes differ most first.
        removed: operators of the first file that have no counterpart in the second.
        added: operators of the second that have none in the first.
        changed: those of both files that are not the same.
        same: how many are the same in both.
        other_bytes: of each file, what is no constant of an operator: the graph, names, scales and so on.
        layers: those of the Keras files that both were converted from; None for other files.
    """

    kinds: tuple[OperatorKind, ...]
    removed: tuple[OperatorCall, ...]
    added: tuple[OperatorCall, ...]
    changed: tuple[CallChange, ...]
    same: int
    other_bytes: tuple[int, int]
    layers: LayerComparison | None = None


def compared_files(before: bytes, after: bytes, layers: LayerComparison | None = None) -> FileComparison:
    """Compare two `.tflite` files.

    Args:
        before: the content of the first.
        after: of the second.
        layers: those of the Keras files that both were converted from.

    Raises:
        ModelError: one is not a whole LiteRT file.
    """
    old, new = calls_of(before), calls_of(after)
    pairs = list(_pairs(old, new))
    matched_old = {id(one) for one, _ in pairs}
    matched_new = {id(one) for _, one in pairs}
    changes = [change for a, b in pairs if (change := _change(a, b)) is not None]
    rest = (len(before) - sum(call.bytes for call in old), len(after) - sum(call.bytes for call in new))
    return FileComparison(
        kinds=tuple(_kinds(old, new)),
        removed=tuple(call for call in old if id(call) not in matched_old),
        added=tuple(call for call in new if id(call) not in matched_new),
        changed=tuple(changes),
        same=len(pairs) - len(changes),
        other_bytes=rest,
        layers=layers,
    )


def file_data(comparison: FileComparison) -> dict[str, Any]:
    """Return the comparison as JSON has it."""
    return {
        "operators": [asdict(kind) for kind in comparison.kinds],
        "removed": [_call_data(call) for call in comparison.removed],
        "added": [_call_data(call) for call in comparison.added],
        "changed": [
            {
                "before": _call_data(change.before),
                "after": _call_data(change.after),
                "constants": [
                    {
                        "before": asdict(constant.before) if constant.before else None,
                        "after": asdict(constant.after) if constant.after else None,
                    }
                    for constant in change.constants
                ],
            }
            for change in comparison.changed
        ],
        "same": comparison.same,
        "other_bytes": list(comparison.other_bytes),
        "layers": asdict(comparison.layers) if comparison.layers else None,
    }


def _call_data(call: OperatorCall) -> dict[str, Any]:
    return {
        "operator": call.operator.name,
        "output": call.operator.output,
        "shape": list(call.shape),
        "computes_in": call.operator.computes_in,
        "bytes": call.bytes,
    }


def _pairs(old: Sequence[OperatorCall], new: Sequence[OperatorCall]) -> Iterator[tuple[OperatorCall, OperatorCall]]:
    """Match the operators of two files: by name and order, with outputs of the same shape if possible."""
    shaped = [[(call.operator.name, call.shape) for call in calls] for calls in (old, new)]
    names = SequenceMatcher(None, shaped[0], shaped[1], autojunk=False)
    for kind, a, b, c, d in names.get_opcodes():
        if kind == "equal":
            yield from zip(old[a:b], new[c:d], strict=True)
        elif kind == "replace":  # other shapes, as after channels were removed
            plain = [[call.operator.name for call in calls] for calls in (old[a:b], new[c:d])]
            within = SequenceMatcher(None, plain[0], plain[1], autojunk=False)
            for block in within.get_matching_blocks():
                for step in range(block.size):
                    yield old[a + block.a + step], new[c + block.b + step]


def _change(before: OperatorCall, after: OperatorCall) -> CallChange | None:
    """Compare two counterparts; None where they are the same."""
    constants = tuple(_constant_changes(before, after))
    same = before.operator.computes_in == after.operator.computes_in and before.shape == after.shape
    return None if same and not constants else CallChange(before, after, constants)


def _constant_changes(before: OperatorCall, after: OperatorCall) -> Iterator[ConstantChange]:
    old = {constant.place: constant for constant in before.constants}
    new = {constant.place: constant for constant in after.constants}
    for place in sorted(old.keys() | new.keys()):
        a, b = old.get(place), new.get(place)
        if a is None or b is None or (a.shape, a.dtype, a.bytes) != (b.shape, b.dtype, b.bytes):
            yield ConstantChange(a, b)


def _kinds(old: Sequence[OperatorCall], new: Sequence[OperatorCall]) -> list[OperatorKind]:
    names = dict.fromkeys(call.operator.name for call in (*old, *new))
    kinds = []
    for name in names:
        mine = [[call for call in calls if call.operator.name == name] for calls in (old, new)]
        types = [", ".join(_types(calls)) for calls in mine]
        kinds.append(
            OperatorKind(
                name,
                (len(mine[0]), len(mine[1])),
                (types[0], types[1]),
                (sum(call.bytes for call in mine[0]), sum(call.bytes for call in mine[1])),
            )
        )
    return sorted(kinds, key=lambda kind: -abs(kind.bytes[1] - kind.bytes[0]))


def _types(calls: Sequence[OperatorCall]) -> list[str]:
    return [types for types, _ in Counter(call.operator.computes_in for call in calls).most_common()]
