"""What is in a file is shown on a terminal of any width, and no name is cut."""

import io

import pytest

from compressor.contracts.report_rows import LayerRow
from compressor.models.litert.reading.graph_contents import FileEndpoint, FileOperator, FileSignature
from compressor.report.file_tables import print_layers, print_operators, print_signatures
from compressor.report.screen import Screen

LONG = "backbone/block_13_expand_with_a_long_name/Conv2D"
LAYERS = [
    LayerRow(
        name=name, shape=(96, 1, 1, 16), dtype="int8", parameters=1536, zeros=768, unique=200, bytes=bytes_
    )
    for name, bytes_ in ((LONG, 1_536), ("head", 123_456))
]  # fmt: skip


def shown(width, show, *what):
    text = io.StringIO()
    show(*what, Screen(file=text, width=width))
    return text.getvalue().splitlines()


@pytest.mark.parametrize("width", [40, 80, 100, 160])
def test_names_are_whole_and_figures_in_columns(width):
    lines = shown(width, print_layers, LAYERS)
    assert max(map(len, lines)) <= max(width, len(LONG))
    assert any(line.startswith(LONG) for line in lines)
    (row,) = [line.split() for line in lines if line.startswith("head")]
    assert row[:3] == ["head", "96x1x1x16", "int8"]
    assert row[-1] == "123,456"


def test_a_narrow_terminal_drops_columns_and_then_gives_names_lines_of_their_own():
    assert [shown(width, print_layers, LAYERS)[0].split() for width in (160, 90, 80, 40)] == [
        ["tensor", "shape", "type", "parameters", "zeros", "unique", "bytes"],
        ["tensor", "shape", "type", "zeros", "unique", "bytes"],
        ["tensor", "shape", "type", "bytes"],
        ["tensor", "shape", "type", "bytes"],
    ]
    assert [line.rstrip() for line in shown(40, print_layers, LAYERS)[2:]] == [
        LONG,
        "                96x1x1x16  int8    1,536",
        "head            96x1x1x16  int8  123,456",
        "",
        " not shown here: parameters, unique,",
        "zeros; a wider terminal has room for",
        "them, and --json has them",
    ]


def test_inputs_and_outputs_have_scales_where_they_are_quantized():
    image = FileEndpoint("image", "image", (None, 28, 28), "uint8", 1 / 255, 0)
    score = FileEndpoint("score", "score", (), "float32", 0.0, 0)
    lines = shown(80, print_signatures, [FileSignature("serving_default", (image,), (score,))])
    assert [line.split() for line in lines if "─" not in line] == [
        ["name", "shape", "type", "scale", "zero", "point"],
        ["image", "input", "?x28x28", "uint8", "0.00392157", "0"],
        ["score", "output", "scalar", "float32"],
        [],
    ]
    several = [FileSignature(name, (image,), (score,)) for name in ("encode", "decode")]
    lines = shown(80, print_signatures, several)
    assert [line for line in lines if "signature" in line] == [" signature 'encode'", " signature 'decode'"]


def test_what_computes_in_float_in_a_file_of_integers_is_named():
    integer = FileOperator("CONV_2D", "conv", "int8", "integer")
    in_float = [FileOperator("ROUND", f"round_{number}", "float32", "float") for number in range(12)]
    lines = shown(300, print_operators, [integer, *in_float])
    assert [line.split() for line in lines[2:4]] == [["ROUND", "12", "float32"], ["CONV_2D", "1", "int8"]]
    named = ", ".join(f"ROUND 'round_{number}'" for number in range(10))
    assert lines[-1] == f" 12 of 13 compute in float: {named} and 2 more"
    assert not [line for line in shown(300, print_operators, in_float) if "compute in" in line]
