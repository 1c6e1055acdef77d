"""Puts the comparison of two files, operator by operator, into words that every rendering shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from compressor.base.sizes import format_size
from compressor.comparing.file_comparison import CallChange, ConstantChange, FileComparison
from compressor.comparing.keras_layers import LayerComparison, StoredLayer
from compressor.models.litert.reading.operator_calls import Constant, OperatorCall

HEADINGS = ("operator", "calls", "computes in", "before", "after", "bytes")
_NUMBERS = "{:,}".format


def kind_rows(comparison: FileComparison) -> list[tuple[str, ...]]:
    """List rows of operators: calls, types, bytes of constants before and after; the rest of the file is last."""
    rows = [
        (
            kind.name,
            _change(*map(_NUMBERS, kind.calls)),
            _change(*(types or "-" for types in kind.computes_in)),
            *_sizes(*kind.bytes),
        )
        for kind in comparison.kinds
    ]
    return [*rows, ("graph, names, scales", "", "", *_sizes(*comparison.other_bytes))]


def call_lines(comparison: FileComparison, most: int) -> Iterator[tuple[str, str]]:
    """List the operators that were removed, added and changed, at most so many of each, and how many more there are."""
    for name, calls in (("removed", comparison.removed), ("added", comparison.added)):
        yield from _limited(name, [_call_text(call) for call in calls], most)
    yield from _limited("changed", [_changed_text(change) for change in comparison.changed], most)
    if not (comparison.removed or comparison.added or comparison.changed):
        yield "same", f"all {comparison.same:,} operators, in types, shapes and sizes"
    elif comparison.same:
        yield "same", f"{comparison.same:,} operators"


def layer_texts(comparison: FileComparison, most: int) -> Iterator[tuple[str, str]]:
    """List the layers of Keras files that were removed, added and changed, at most so many of each."""
    for name, texts in (layer_lines(comparison.layers) if comparison.layers else {}).items():
        yield from _limited(f"{name} layers", texts, most)


def layer_lines(comparison: LayerComparison) -> dict[str, list[str]]:
    """Describe the layers that were removed, added and changed, and say how many are the same."""
    lines = {
        name: [
            f"{layer.class_name} '{layer.name}' ({layer.output}, {layer.parameters:,} parameters)" for layer in layers
        ]
        for name, layers in (("removed", comparison.removed), ("added", comparison.added))
    }
    lines["changed"] = [
        f"'{after.name}': {', '.join(_layer_differences(before, after))}" for before, after in comparison.changed
    ]
    return lines | {"same": [f"{comparison.same:,}"]}


def _layer_differences(before: StoredLayer, after: StoredLayer) -> Iterator[str]:
    if before.class_name != after.class_name:
        yield f"{before.class_name} → {after.class_name}"
    if before.output != after.output:
        yield f"{before.output} → {after.output}"
    if before.parameters != after.parameters:
        yield f"{before.parameters:,} → {after.parameters:,} parameters"


def _limited(name: str, texts: Sequence[str], most: int) -> Iterator[tuple[str, str]]:
    for text in texts[:most]:
        yield name, text
    if len(texts) > most:
        yield name, f"and {len(texts) - most:,} more, which --format json lists"


def _call_text(call: OperatorCall) -> str:
    size = f", {format_size(call.bytes)}" if call.bytes else ""
    return f"{call.operator.name} '{call.operator.output}' ({_shape(call.shape)} in {call.operator.computes_in}{size})"


def _changed_text(change: CallChange) -> str:
    before, after = change.before, change.after
    parts = []
    if before.shape != after.shape:
        parts.append(f"{_shape(before.shape)} → {_shape(after.shape)}")
    if before.operator.computes_in != after.operator.computes_in:
        parts.append(f"{before.operator.computes_in} → {after.operator.computes_in}")
    parts += [_constant_text(constant) for constant in change.constants]
    return f"{after.operator.name} '{after.operator.output}': {'; '.join(parts)}"


def _constant_text(change: ConstantChange) -> str:
    before, after = change.before, change.after
    if before is None or after is None:
        held = after or before
        assert held is not None
        return f"{'with' if after else 'without'} '{held.name}' ({_held(held)})"
    parts = [f"{format_size(before.bytes)} → {format_size(after.bytes)}"] if before.bytes != after.bytes else []
    if before.shape != after.shape:
        parts.append(f"{_shape(before.shape)} → {_shape(after.shape)}")
    if before.dtype != after.dtype:
        parts.append(f"{before.dtype} → {after.dtype}")
    return f"'{after.name}' {', '.join(parts)}"


def _held(constant: Constant) -> str:
    return f"{_shape(constant.shape)} of {constant.dtype}, {format_size(constant.bytes)}"


def _sizes(before: int, after: int) -> tuple[str, str, str]:
    difference = after - before
    change = "-" if not difference else f"{'+' if difference > 0 else '-'}{format_size(abs(difference))}"
    return format_size(before), format_size(after), change


def _change(before: str, after: str) -> str:
    return before if before == after else f"{before} → {after}"


def _shape(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape)) or "scalar"
