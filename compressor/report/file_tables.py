"""Tables of what is in a `.tflite` file, for terminals of any width: names are never cut."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from compressor.base.sizes import format_size
from compressor.contracts.report_rows import LayerRow
from compressor.measure.paired_latency import FileLatency
from compressor.models.litert.reading.graph_contents import FileEndpoint, FileOperator, FileSignature
from compressor.models.micro.arena import Arena
from compressor.report.latency_texts import OperatorKind, operator_kinds, short_time_text
from compressor.report.screen import Screen
from compressor.report.screen_table import Align, left_out

_MOST_NAMED = 10  # operators that compute in float


def print_signatures(signatures: Sequence[FileSignature], screen: Screen) -> None:
    """What each signature takes and gives; its name only where there are several."""
    for signature in signatures:
        if len(signatures) > 1:
            screen.show(f" signature '{signature.name}'" if signature.name else " no signature")
        sides = (("input", signature.inputs), ("output", signature.outputs))
        ends = [(side, endpoint) for side, endpoints in sides for endpoint in endpoints]
        scaled = any(endpoint.scale for _, endpoint in ends)
        headings = ["name", "", "shape", "type", *(("scale", "zero point") if scaled else ())]
        _print_table(headings, [_endpoint_cells(side, endpoint, scaled) for side, endpoint in ends], screen)


def print_operators(operators: Sequence[FileOperator], screen: Screen) -> None:
    """How often each operator is called, and in which types; in a file of integers, which calls compute in float."""
    calls = Counter((operator.name, operator.computes_in) for operator in operators)
    rows = [[name, f"{count:,}", types] for (name, types), count in calls.most_common()]
    _print_table(["operator", "calls", "computes in"], rows, screen)
    left = [operator for operator in operators if operator.arithmetic == "float"]
    if left and any(operator.arithmetic == "integer" for operator in operators):
        named = ", ".join(f"{operator.name} '{operator.output}'" for operator in left[:_MOST_NAMED])
        more = f" and {len(left) - _MOST_NAMED} more" if len(left) > _MOST_NAMED else ""
        screen.show((f" {len(left)} of {len(operators)} compute in float: {named}{more}", "yellow"))


def print_operator_kinds(kinds: Sequence[OperatorKind], screen: Screen, most: int = 0) -> None:
    """The kinds of operators by their time, up to `most` of them if that is not 0."""
    shown = kinds[:most] if most and len(kinds) > most + 1 else kinds
    rows = [
        [
            kind.operator,
            f"{kind.calls:,}",
            "not timed" if kind.seconds is None else short_time_text(kind.seconds),
            f"{kind.share:.0%}".replace("%", " %"),
            kind.kernels,
            kind.computes_in,
        ]
        for kind in shown
    ]
    if rest := kinds[len(shown) :]:
        calls, seconds = sum(kind.calls for kind in rest), sum(kind.seconds or 0.0 for kind in rest)
        share = f"{sum(kind.share for kind in rest):.0%}".replace("%", " %")
        rows.append([f"{len(rest)} other kinds", f"{calls:,}", short_time_text(seconds), share, "", ""])
    headings = ["operator", "calls", "alone", "share", "kernels", "computes in"]
    widths = (max(map(len, column)) for column in zip(headings, *rows, strict=True))
    shown_columns = 6 if sum(width + 2 for width in widths) - 2 <= screen.width else 5
    _print_table(headings[:shown_columns], [row[:shown_columns] for row in rows], screen)


def print_latency(timed: FileLatency, screen: Screen) -> None:
    """The time of a call, and of the kinds of operators."""
    screen.show()
    print_operator_kinds(operator_kinds(timed.operators), screen)
    seconds = timed.seconds
    told = f" a call takes {short_time_text(seconds.value)} (95 %: {short_time_text(seconds.low)} to "
    told += f"{short_time_text(seconds.high)}), threads: {timed.threads}, in {timed.rounds} rounds"
    if timed.operators:
        together = sum(each.seconds or 0.0 for each in timed.operators) / seconds.value
        told += f" · operators timed alone, together {together:.0%} of it".replace("%", " %")
    screen.show(told)
    if timed.fault:
        screen.show((f" its operators could not be timed one by one ({timed.fault})", "yellow"))


def print_layers(layers: Sequence[LayerRow], screen: Screen) -> None:
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
    missing = []
    for least in ("parameters", "unique", "zeros"):
        if sum(2 + max(map(len, (name, *cells))) for name, cells in columns.items()) - 2 > screen.width:
            del columns[least]
            missing.append(least)
    _print_table(list(columns), list(zip(*columns.values(), strict=True)), screen)
    if missing and layers:
        screen.show((left_out(missing, "--json"), "dim"))


def print_arena(arena: Arena, by_operator: bool, screen: Screen) -> None:
    """The memory of tensors on a microcontroller and where it peaks, and what is in it at each operator."""
    if by_operator:
        rows = [
            [operator.title, f"{operator.bytes:,}", f"{operator.scratch_bytes:,}", f"{operator.reach:,}"]
            for operator in arena.operators
        ]
        _print_table(["operator", "bytes alive", "of it scratch", "reach to"], rows, screen)
    where = f", at {arena.peak.title}" if arena.peak is not None else ""
    screen.show(
        f" arena: {format_size(arena.tensor_bytes)} for tensors at most{where} · "
        f"{format_size(arena.persistent_bytes)} that stays · {format_size(arena.bytes)} in all"
    )
    if arena.unplanned_graphs:
        graphs = f"{arena.unplanned_graphs} further graph{'s' if arena.unplanned_graphs > 1 else ''}"
        screen.show((f" arena: without the tensors of {graphs} of the file, as loops have them", "yellow"))


def _endpoint_cells(side: str, endpoint: FileEndpoint, scaled: bool) -> list[str]:
    shape = "x".join("?" if size is None else str(size) for size in endpoint.shape) or "scalar"
    cells = [endpoint.name, side, shape, endpoint.dtype]
    if scaled and endpoint.scale:
        cells += [f"{endpoint.scale:.6g}", str(endpoint.zero_point)]
    return cells + [""] * (6 - len(cells)) if scaled else cells


def _print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], screen: Screen) -> None:
    """Print rows of names and figures. A name that leaves no room for its figures gets a line of its own.

    Where there is no room for the figures of a row beside one another, each of them gets a line.
    """
    if not rows:
        return
    rows = [[screen.shown(cell) for cell in row] for row in rows]
    names, *others = (max(map(len, column)) for column in zip(headings, *rows, strict=True))

    def figures(row: Sequence[str]) -> str:
        return "".join(f"  {cell:>{width}}" for cell, width in zip(row[1:], others, strict=True))

    if len(headings[0]) + len(figures(headings)) > screen.width:
        named: list[tuple[str, Align]] = [(headings[0], "left"), *((heading, "right") for heading in headings[1:])]
        screen.print(screen.table(named, rows))
        screen.show()
        return
    room = min(names, max(screen.width - len(figures(headings)), len(headings[0])))
    screen.show((f"{headings[0]:{room}}{figures(headings)}", "bold"), wrap=False)
    screen.show("─" * min(screen.width, room + len(figures(headings))))
    for row in rows:
        if len(row[0]) > room:
            screen.show(row[0], wrap=False)
        name = row[0] if len(row[0]) <= room else ""
        screen.show(f"{name:{room}}{figures(row)}".rstrip(), wrap=False)
    screen.show()
