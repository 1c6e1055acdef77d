"""Tables of what is in a model file, for terminals of any width: names and figures are never cut."""

from __future__ import annotations

from collections.abc import Sequence

from compressor.base.sizes import format_size
from compressor.base.text import listing
from compressor.contracts.report_rows import LayerRow
from compressor.inspecting.content_rows import (
    ArenaRow,
    IslandRow,
    KerasLayerRow,
    LatencyRow,
    MetadataRow,
    ModelContents,
    OperatorTypeRow,
    SignatureRow,
)
from compressor.inspecting.content_texts import (
    computes_in_integers,
    island_costs,
    island_place,
    island_title,
    memory_title,
    neighbors_text,
    peak_of,
    range_text,
    shape_of,
    step_names,
    training_text,
)
from compressor.report.figures import count_text
from compressor.report.latency_tables import print_operator_kinds
from compressor.report.latency_texts import operator_kinds, short_time_text
from compressor.report.name_table import print_table
from compressor.report.screen import Screen
from compressor.report.screen_table import Align, left_out

_WIDE = 120  # columns from which a layer and what the steps make of it stand in one row
_MOST_NAMED = 10  # operators that compute in float, and islands


def print_contents(contents: ModelContents, by_operator: bool, screen: Screen) -> None:
    """All of it; `by_operator` shows the memory of tensors operator by operator."""
    print_signatures(contents.signatures, screen)
    print_keras_layers(contents.layers, screen)
    print_operators(contents, screen)
    print_islands(contents.float_islands, screen)
    print_tensors(contents.tensors, screen)
    sizes = f"{format_size(contents.bytes)}, {format_size(contents.gzip_bytes)} gzipped"
    if contents.kind == "package":
        sizes += f", {format_size(contents.stored_bytes)} packed"
    macs = "" if contents.macs is None else f" · {count_text(contents.macs)} multiply-accumulates"
    screen.show(
        f" {sizes} · {contents.parameters:,} parameters · "
        f"{contents.sparsity:.1%} zeros · {contents.weight_bits:.0f} bits · {contents.operators} operators{macs}"
    )
    print_metadata(contents.metadata, screen)
    print_arena(contents.arena, by_operator, screen)
    if contents.latency:
        print_latency(contents.latency, screen)


def print_signatures(signatures: Sequence[SignatureRow], screen: Screen) -> None:
    """What each signature takes and gives; its name only where there are several."""
    for signature in signatures:
        if len(signatures) > 1:
            screen.show(f" signature '{signature.name}'" if signature.name else " no signature")
        sides = (("input", signature.inputs), ("output", signature.outputs))
        ends = [(side, endpoint) for side, endpoints in sides for endpoint in endpoints]
        columns = {
            "name": [end.name for _, end in ends],
            "": [side for side, _ in ends],
            "shape": [shape_of(end) for _, end in ends],
            "type": [end.dtype for _, end in ends],
        }
        if any(end.scale for _, end in ends):
            columns |= {
                "scale": [f"{end.scale:.6g}" if end.scale else "" for _, end in ends],
                "zero point": [str(end.zero_point) if end.scale else "" for _, end in ends],
                "real values": [range_text(end) for _, end in ends],
            }
        _print_columns(columns, [name for name in ("real values",) if name in columns], screen)


def print_keras_layers(layers: Sequence[KerasLayerRow], screen: Screen) -> None:
    """The layers of a Keras model, and what each step makes of their type."""
    if not layers:
        return
    steps = step_names(layers)
    own = [
        [layer.name, layer.type, layer.output, f"{layer.parameters:,}", training_text(layer), layer.activation or "-"]
        for layer in layers
    ]
    verdicts = [[layer.steps.get(step, "?") for step in steps] for layer in layers]
    headings: list[tuple[str, Align]] = [
        ("layer", "left"), ("type", "whole"), ("output", "whole"), ("parameters", "right"), ("training", "whole"),
        ("activation", "whole"),
    ]  # fmt: skip
    step_headings: list[tuple[str, Align]] = [(step, "whole") for step in steps]
    if screen.width >= _WIDE:
        rows = [[*cells, *told] for cells, told in zip(own, verdicts, strict=True)]
        screen.print(screen.table([*headings, *step_headings], rows, fold=True))
    else:
        screen.print(screen.table(headings, own, [range(6), [0, 1, 3, 4, 5], [0, 1, 3, 4], [0, 3, 4]], fold=True))
        screen.show()
        types = {layer.type: told for layer, told in zip(layers, verdicts, strict=True)}
        rows = [[name, *told] for name, told in types.items()]
        screen.print(screen.table([("type of layer", "left"), *step_headings], rows, fold=True))
    screen.show()
    if in_float := sorted({layer.type for layer in layers if layer.left_in_float}):
        screen.show((f" types that leave operators in float in the int8 file: {listing(in_float)}", "yellow"))
    if unknown := sorted({layer.type for layer in layers if not layer.steps}):
        screen.show(f" types of which it is not known what the steps make of them: {listing(unknown)}")
    if in_float or unknown:
        screen.show()


def print_operators(contents: ModelContents, screen: Screen) -> None:
    """How often each operator is called, and in which types; in a file of integers, which calls compute in float."""
    rows: Sequence[OperatorTypeRow] = contents.operators_by_type
    columns = {
        "operator": [row.operator for row in rows],
        "calls": [f"{row.calls:,}" for row in rows],
        "computes in": [row.computes_in for row in rows],
        "bytes": [f"{row.constant_bytes:,}" for row in rows],
        "MACs": [count_text(row.macs) for row in rows],
    }
    _print_columns(columns, ["MACs", "bytes"], screen)
    left = contents.float_operators
    if left and computes_in_integers(contents):
        named = ", ".join(f"{operator.operator} '{operator.output}'" for operator in left[:_MOST_NAMED])
        more = f" and {len(left) - _MOST_NAMED} more" if len(left) > _MOST_NAMED else ""
        screen.show((f" {len(left)} of {contents.operators} compute in float: {named}{more}", "yellow"))


def print_islands(islands: Sequence[IslandRow], screen: Screen) -> None:
    """Each group of operators that compute in float, with what feeds it and takes what it makes."""
    for number, island in enumerate(islands[:_MOST_NAMED], start=1):
        screen.show((f" island {number}: {island_title(island)}, {island_place(island)}", "yellow"))
        screen.show(f"   fed by {neighbors_text(island.fed_by, 'input')}")
        screen.show(f"   taken by {neighbors_text(island.taken_by, 'output')}")
        screen.show(f"   {island_costs(island)}")
    if len(islands) > _MOST_NAMED:
        screen.show(f" and {len(islands) - _MOST_NAMED} islands more, which --html and --json have")
    if islands:
        screen.show()


def print_tensors(layers: Sequence[LayerRow], screen: Screen) -> None:
    """The weights tensor by tensor; names have the right of way over what else is told of each."""
    columns = {
        "tensor": [layer.name for layer in layers],
        "shape": ["x".join(map(str, layer.shape)) or "scalar" for layer in layers],
        "type": [layer.dtype for layer in layers],
        "parameters": [f"{layer.parameters:,}" for layer in layers],
        "zeros": [f"{layer.zeros / max(1, layer.parameters):.1%}" for layer in layers],
        "unique": [f"{layer.unique:,}" for layer in layers],
        "bytes": [f"{layer.bytes:,}" for layer in layers],
    }
    _print_columns(columns, ["parameters", "unique", "zeros"], screen)


def print_metadata(entries: Sequence[MetadataRow], screen: Screen) -> None:
    """What the file says of itself, on one line."""
    if entries:
        told = (f"{entry.name} {entry.text or format_size(entry.bytes)}" for entry in entries)
        screen.show(f" metadata: {', '.join(told)}")


def print_arena(arena: ArenaRow, by_operator: bool, screen: Screen) -> None:
    """The memory of tensors on a microcontroller and where it peaks, and what is in it at each operator."""
    if by_operator:
        rows = [
            [memory_title(operator), f"{operator.bytes:,}", f"{operator.scratch_bytes:,}", f"{operator.reach:,}"]
            for operator in arena.operators
        ]
        print_table(["operator", "bytes alive", "of it scratch", "reach to"], rows, screen)
    peak = peak_of(arena)
    where = f", at {memory_title(peak)}" if peak is not None else ""
    screen.show(
        f" arena: {format_size(arena.tensor_bytes)} for tensors at most{where} · "
        f"{format_size(arena.persistent_bytes)} that stays · {format_size(arena.bytes)} in all"
    )
    if arena.unplanned_graphs:
        graphs = f"{arena.unplanned_graphs} further graph{'s' if arena.unplanned_graphs > 1 else ''}"
        screen.show((f" arena: without the tensors of {graphs} of the file, as loops have them", "yellow"))


def print_latency(latency: LatencyRow, screen: Screen) -> None:
    """The time of a call, and of the kinds of operators."""
    screen.show()
    print_operator_kinds(operator_kinds(latency.operators), screen)
    seconds = latency.seconds
    told = f" a call takes {short_time_text(seconds.value)} (95 %: {short_time_text(seconds.low)} to "
    told += f"{short_time_text(seconds.high)}), threads: {latency.threads}, in {latency.rounds} rounds"
    if latency.operators:
        together = sum(each.seconds or 0.0 for each in latency.operators) / seconds.value
        told += f" · operators timed alone, together {together:.0%} of it".replace("%", " %")
    screen.show(told)
    if latency.fault:
        screen.show((f" its operators could not be timed one by one ({latency.fault})", "yellow"))


def _print_columns(columns: dict[str, list[str]], least: Sequence[str], screen: Screen) -> None:
    """Print a table without those of its columns that matter least, as far as the screen is too narrow for them."""
    shown, missing = dict(columns), []
    for name in least:
        widths = [2 + max(map(len, (heading, *map(screen.shown, cells)))) for heading, cells in shown.items()]
        if sum(widths) - 2 > screen.width:
            del shown[name]
            missing.append(name)
    rows = list(zip(*shown.values(), strict=True))
    print_table(list(shown), rows, screen)
    if missing and rows:
        screen.show((left_out(missing, "--json"), "dim"))
        screen.show()
