"""Shows what is in a model file as one page of HTML, made of the parts of a report's page."""

from __future__ import annotations

from collections.abc import Iterator

from compressor.base.markup import Content, Html, element, table
from compressor.base.sizes import format_size
from compressor.base.text import counted, listing
from compressor.base.versions import full_versions
from compressor.inspecting.content_plots import memory_plot, operator_bars
from compressor.inspecting.content_rows import (
    ArenaRow,
    EndRow,
    IslandRow,
    KerasLayerRow,
    ModelContents,
    OperatorTypeRow,
    SignatureRow,
)
from compressor.inspecting.content_texts import (
    arithmetic_text,
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
from compressor.report.page.page_frame import Section, framed
from compressor.report.page.sortable_table import Cell, Head, sortable
from compressor.report.page.tensor_map import color_key, parts_of, tensor_map
from compressor.report.page.tensor_table import file_table
from compressor.report.page.weight_shapes import histograms

_MOST_NAMED = 60  # operators of an island


def render_contents(contents: ModelContents) -> str:
    """The whole page; the same file makes the same page."""
    version = full_versions()["compressor"]
    return framed(
        f"{contents.file} · contents",
        f"{contents.file}: {format_size(contents.bytes)}, {arithmetic_text(contents)}",
        _opening(contents),
        _sections(contents),
        [f"compressor {version}, read from ", element("code", contents.file)],
    )


def _opening(contents: ModelContents) -> list[Html]:
    stored = format_size(contents.stored_bytes)
    converted = f"of {stored}; operators and tensors are those of the LiteRT file that it makes as it is."
    origin = {
        "LiteRT file": f"A LiteRT file of {stored}.",
        "package": f"A package of {stored}; what follows is the LiteRT file in it.",
        "Keras file": f"A Keras file {converted}",
        "SavedModel": f"A SavedModel {converted}",
    }[contents.kind]
    figures = [
        ("size", format_size(contents.bytes), "as .tflite"),
        ("after gzip", format_size(contents.gzip_bytes), ""),
        ("multiply-accumulates", count_text(contents.macs), "of one call"),
        ("parameters", count_text(contents.parameters), f"{contents.weight_bits:.0f} bits a weight"),
        ("zeros", f"{contents.sparsity:.1%}", "of the kernels"),
        ("arena", format_size(contents.arena.bytes), "on a microcontroller"),
    ]
    drawn = [
        element(
            "div", element("dt", title), element("dd", element("b", value), element("span", note) if note else None)
        )
        for title, value, note in figures
    ]
    return [
        element("p", "model file", class_="kicker"),
        element("h1", contents.file),
        element("p", origin, class_="quiet"),
        element("p", arithmetic_text(contents), class_="headline"),
        element("dl", drawn, class_="figures"),
    ]


def _sections(contents: ModelContents) -> Iterator[Section]:
    yield Section("endpoints", "Inputs and outputs", "What the model takes and gives", _signatures(contents.signatures))
    if contents.layers:
        yield Section("keras", "Layers", "Layers of the Keras model", _layers(contents.layers))
    yield Section("operators", "Operators", "Operators", _operators(contents.operators_by_type))
    yield Section("islands", "Float islands", "Float islands", _islands(contents))
    yield Section("bytes", "Bytes", "Bytes in the file and in memory", _bytes(contents))
    yield Section("tensors-by-size", "Tensors", "Weight tensors", file_table(contents.tensors, contents.bytes))
    yield Section("weights", "Weights", "Distribution of the weights", _weights(contents))
    yield Section("metadata", "Metadata", "What the file says of itself", _metadata(contents))


def _signatures(signatures: list[SignatureRow]) -> list[Html]:
    parts = []
    for signature in signatures:
        name = signature.name or "main graph, without a signature"
        rows = [
            *(_end("input", end) for end in signature.inputs),
            *(_end("output", end) for end in signature.outputs),
        ]
        heads = ["", "name", "tensor", "shape", "type", "scale", "zero point", "real values"]
        parts += [
            element("h3", "Signature ", element("code", name)) if signature.name else element("h3", name),
            table(heads, rows, f"Inputs and outputs of {name}", numbers=(5, 6, 7)),
        ]
    return parts


def _end(side: str, end: EndRow) -> list[Content]:
    quantized = [f"{end.scale:.6g}", str(end.zero_point), range_text(end)] if end.scale else ["-", "-", "-"]
    return [side, element("code", end.name), element("code", end.tensor), shape_of(end), end.dtype, *quantized]


def _layers(layers: list[KerasLayerRow]) -> list[Html]:
    steps = step_names(layers)
    heads = [Head("layer"), Head("type"), Head("output"), Head("parameters", True), Head("trained", True),
             Head("training"), Head("activation"), *map(Head, steps), Head("left in float")]  # fmt: skip
    rows = [
        [
            Cell(layer.name, layer.name),
            Cell(layer.type, layer.type),
            Cell(layer.output, layer.output),
            Cell(f"{layer.parameters:,}", layer.parameters),
            Cell(f"{layer.trainable_parameters:,}", layer.trainable_parameters),
            Cell(training_text(layer), training_text(layer)),
            Cell(layer.activation or "-", layer.activation),
            *(Cell(told := layer.steps.get(step, "?"), told) for step in steps),
            Cell(layer.left_in_float, layer.left_in_float),
        ]
        for layer in layers
    ]
    frozen = sum(layer.parameters for layer in layers if not layer.trainable)
    total = sum(layer.parameters for layer in layers)
    return [
        element("p", f"{counted(len(layers), 'layer')} with {total:,} parameters, {frozen:,} of them in frozen layers.",
                class_="quiet"),
        sortable("Layers of the Keras model", heads, rows, "table of layers"),
        element("p", "What each step makes of a layer goes by its type alone: works; calibrated, where its integers "
                "come from calibration after training; float, where it stays as it is; - where there is nothing to do; "
                "refused; ? for a type that was not tried. A plan and its run say more.", class_="quiet"),
    ]  # fmt: skip


def _operators(rows: list[OperatorTypeRow]) -> list[Html]:
    heads = [Head("operator"), Head("computes in"), Head("arithmetic"), Head("calls", True),
             Head("bytes of constants", True), Head("share", True), Head("multiply-accumulates", True)]  # fmt: skip
    whole = max(1, sum(row.constant_bytes for row in rows))
    cells = [
        [
            Cell(row.operator, row.operator),
            Cell(row.computes_in, row.computes_in),
            Cell(row.arithmetic, row.arithmetic),
            Cell(f"{row.calls:,}", row.calls),
            Cell(f"{row.constant_bytes:,}", row.constant_bytes),
            Cell(f"{row.constant_bytes / whole:.1%}", row.constant_bytes),
            Cell("-" if row.macs is None else f"{row.macs:,}", -1 if row.macs is None else row.macs),
        ]
        for row in sorted(rows, key=lambda row: -row.constant_bytes)
    ]
    plots = operator_bars(rows)
    return [
        element("div", plots, class_="pair") if plots else Html(),
        sortable("Operators by type", heads, cells, "table of operators"),
    ]


def _islands(contents: ModelContents) -> list[Html]:
    if not contents.float_islands:
        return [element("p", f"There are none: {arithmetic_text(contents)}.", class_="quiet")]
    words = (
        "Operators that compute in float in a file that also computes in integers. Where one stands between operators "
        "in integers, values are converted to float and back, which takes time and memory."
    )
    return [
        element("p", words, class_="quiet"),
        element(
            "div", [_island(number, each) for number, each in enumerate(contents.float_islands, 1)], class_="islands"
        ),
    ]


def _island(number: int, island: IslandRow) -> Html:
    names = [f"{operator.operator} '{operator.output}'" for operator in island.operators]
    pairs = [
        ("fed by", neighbors_text(island.fed_by, "input")),
        ("operators", listing(names, _MOST_NAMED)),
        ("taken by", neighbors_text(island.taken_by, "output")),
        ("costs", island_costs(island)),
    ]
    caption = element(
        "figcaption",
        element("strong", f"{number}: {island_title(island)}"),
        element("span", island_place(island), class_="missed" if island.between_integers else None),
    )
    facts = [[element("dt", name), element("dd", told)] for name, told in pairs]
    return element("figure", caption, element("dl", facts, class_="facts"))


def _bytes(contents: ModelContents) -> list[Html]:
    parts = parts_of(contents.tensors, contents.bytes)
    label = "Tensors of the file by their bytes; the table of tensors lists them"
    title = f"{contents.file}: {format_size(contents.bytes)}"
    plots = [tensor_map(title, parts, label, "areas are bytes"), memory_plot(contents.arena)]
    return [element("div", plots, class_="pair"), color_key(parts), *_memory(contents.arena)]


def _weights(contents: ModelContents) -> list[Html]:
    drawn = histograms(contents.tensors, {})
    if not drawn:
        return [element("p", "The file has no kernels whose weights could be drawn.", class_="quiet")]
    words = "Values other than zero, as the model computes with them. The heights of each outline are its own."
    return [element("p", words, class_="quiet"), *drawn]


def _memory(arena: ArenaRow) -> list[Html]:
    peak = peak_of(arena)
    where = f", at {memory_title(peak)}" if peak else ""
    told = (
        f"LiteRT for Microcontrollers needs an arena of {format_size(arena.bytes)}, with pointers of 4 bytes: "
        f"{format_size(arena.tensor_bytes)} for tensors at most{where}, "
        f"and {format_size(arena.persistent_bytes)} that stays."
    )
    heads = [
        Head("operator"),
        Head("number", True),
        Head("bytes alive", True),
        Head("of it scratch", True),
        Head("reach to", True),
    ]
    rows = [
        [Cell(memory_title(row), memory_title(row)), Cell(str(row.number), row.number),
         *(Cell(f"{size:,}", size) for size in (row.bytes, row.scratch_bytes, row.reach))]
        for row in arena.operators
    ]  # fmt: skip
    graphs = counted(arena.unplanned_graphs, "further graph")
    return [
        element("p", told),
        element("p", f"Without the tensors of {graphs} of the file, as loops have them.", class_="quiet")
        if arena.unplanned_graphs else Html(),
        element("details", element("summary", "Memory operator by operator"),
                sortable("Memory by operator", heads, rows, "table of memory")),
    ]  # fmt: skip


def _metadata(contents: ModelContents) -> list[Html]:
    rows = [
        [element("code", entry.name), f"{entry.bytes:,}", element("code", entry.text)] for entry in contents.metadata
    ]
    described = [element("p", "Description: ", element("code", contents.description))] if contents.description else []
    if not rows:
        return [*described, element("p", "The file has no metadata.", class_="quiet")]
    return [*described, table(["name", "bytes", "text"], rows, "Metadata", numbers=(1,))]
