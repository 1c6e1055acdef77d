"""What is in a file is shown on a terminal of any width, and no name and no figure is cut."""

import io

import pytest
from inspected import contents_of_mixed_file
from shown_tables import parted

from compressor.contracts.report_rows import LayerRow
from compressor.inspecting.content_rows import EndRow, KerasLayerRow, OperatorRow, OperatorTypeRow, SignatureRow
from compressor.inspecting.content_tables import (
    print_contents,
    print_islands,
    print_keras_layers,
    print_operators,
    print_signatures,
    print_tensors,
)
from compressor.report.screen import Screen

LONG = "backbone/block_13_expand_with_a_long_name/Conv2D"
TENSORS = [
    LayerRow(
        name=name, shape=(96, 1, 1, 16), dtype="int8", parameters=1536, zeros=768, unique=200, bytes=bytes_
    )
    for name, bytes_ in ((LONG, 1_536), ("head", 123_456))
]  # fmt: skip
WORKS = {"prune": "works", "cluster": "works", "qat": "calibrated", "ptq": "works"}
LAYERS = [
    KerasLayerRow(
        name="backbone/conv", type="SeparableConv2D", output="28x28x16", parameters=1_234_567,
        trainable_parameters=0, trainable=False, activation="relu", steps=WORKS, left_in_float="",
    ),
    KerasLayerRow(
        name="elu", type="ELU", output="28x28x16", parameters=0, trainable_parameters=0, trainable=True,
        activation="", steps=WORKS | {"qat": "float"}, left_in_float="1 ELU",
    ),
    KerasLayerRow(
        name="mine", type="Scale", output="-", parameters=3, trainable_parameters=3, trainable=True,
        activation="", steps={}, left_in_float="",
    ),
]  # fmt: skip


def shown(width, show, *what):
    text = io.StringIO()
    show(*what, Screen(file=text, width=width))
    return text.getvalue().splitlines()


def end(name, shape, dtype, scale=0.0, low=None, high=None):
    return EndRow(
        name=name, tensor=name, shape=shape, dtype=dtype, scale=scale, zero_point=0, low=low, high=high
    )  # fmt: skip


@pytest.mark.parametrize("width", [40, 80, 100, 160])
def test_names_are_whole_and_figures_in_columns(width):
    lines = shown(width, print_tensors, TENSORS)
    assert max(map(len, lines)) <= max(width, len(LONG))
    assert any(line.startswith(LONG) for line in lines)
    row = parted(lines)[0][-1].split()
    assert row[:3] == ["head", "96x1x1x16", "int8"]
    assert row[-1] == "123,456"


def test_a_narrow_terminal_drops_columns_and_then_gives_names_lines_of_their_own():
    assert [shown(width, print_tensors, TENSORS)[0].split() for width in (160, 90, 80, 40)] == [
        ["tensor", "shape", "type", "parameters", "zeros", "unique", "bytes"],
        ["tensor", "shape", "type", "zeros", "unique", "bytes"],
        ["tensor", "shape", "type", "bytes"],
        ["tensor", "shape", "type", "bytes"],
    ]
    lines, missing = parted(shown(40, print_tensors, TENSORS))
    assert missing == ["parameters", "unique", "zeros"]
    assert lines[2:] == [
        LONG,
        "                96x1x1x16  int8    1,536",
        "head            96x1x1x16  int8  123,456",
    ]


def test_inputs_and_outputs_have_scales_and_ranges_where_they_are_quantized():
    image = end("image", (None, 28, 28), "uint8", 1 / 255, 0.0, 1.0)
    score = end("score", (), "float32")
    lines = shown(80, print_signatures, [SignatureRow(name="serving_default", inputs=[image], outputs=[score])])
    assert [line.split() for line in lines if "─" not in line] == [
        ["name", "shape", "type", "scale", "zero", "point", "real", "values"],
        ["image", "input", "?x28x28", "uint8", "0.00392157", "0", "0", "to", "1"],
        ["score", "output", "scalar", "float32"],
        [],
    ]
    several = [SignatureRow(name=name, inputs=[image], outputs=[score]) for name in ("encode", "decode")]
    lines = shown(80, print_signatures, several)
    assert [line for line in lines if "signature" in line] == [" signature 'encode'", " signature 'decode'"]


def test_ends_that_are_wider_than_the_terminal_are_shown_line_by_line():
    image = end("image", (None, 28, 28), "uint8", 1 / 255, 0.0, 1.0)
    lines, missing = parted(shown(40, print_signatures, [SignatureRow(name=None, inputs=[image], outputs=[])]))
    assert lines == ["image", "  input", "  shape: ?x28x28", "  type: uint8", "  scale: 0.00392157", "  zero point: 0"]
    assert missing == ["real values"]


def test_float_ends_that_are_wider_than_the_terminal_have_their_names_on_lines_of_their_own():
    lines = shown(40, print_signatures, [SignatureRow(name=None, inputs=[end(LONG, (1, 28), "float32")], outputs=[])])
    assert lines[2:] == [LONG, "                   input   1x28  float32", ""]


def test_what_computes_in_float_in_a_file_of_integers_is_named():
    figures = {"constant_bytes": 0, "macs": 0}
    types = [
        OperatorTypeRow(operator="ROUND", computes_in="float32", arithmetic="float", calls=12, **figures),
        OperatorTypeRow(operator="CONV_2D", computes_in="int8", arithmetic="integer", calls=1, constant_bytes=36,
                        macs=2_345_678),
    ]  # fmt: skip
    in_float = [OperatorRow(operator="ROUND", output=f"round_{place}", number=place, **figures) for place in range(12)]
    contents = contents_of_mixed_file().model_copy(
        update={"operators_by_type": types, "float_operators": in_float, "operators": 13}
    )
    lines = shown(300, print_operators, contents)
    assert [line.split() for line in lines[2:4]] == [
        ["ROUND", "12", "float32", "0", "0"],
        ["CONV_2D", "1", "int8", "36", "2.3", "M"],
    ]
    named = ", ".join(f"ROUND 'round_{number}'" for number in range(10))
    assert lines[-1] == f" 12 of 13 compute in float: {named} and 2 more"
    alone = contents.model_copy(update={"operators_by_type": types[:1]})
    assert not [line for line in shown(300, print_operators, alone) if "compute in" in line]


def test_an_island_is_shown_with_what_feeds_it_and_takes_what_it_makes():
    contents = contents_of_mixed_file()
    assert shown(100, print_islands, contents.float_islands) == [
        " island 1: ROUND, CEIL, between operators in integers",
        "   fed by CONV_2D 'conv'",
        "   taken by FULLY_CONNECTED 'logits'",
        "   0 B of constants, 1.2 kB of tensors made, 0 multiply-accumulates, 2 conversions",
        " island 2: SIGN, at an output of the model",
        "   fed by FULLY_CONNECTED 'logits'",
        "   taken by the model's output ('sign')",
        "   0 B of constants, 12 B of tensors made, 0 multiply-accumulates, 1 conversion",
        "",
    ]
    many = shown(100, print_islands, contents.float_islands * 6)
    assert many[-2] == " and 2 islands more, which --html and --json have"


def test_a_wide_terminal_shows_a_layer_and_what_the_steps_make_of_it_in_one_row():
    lines = shown(140, print_keras_layers, LAYERS)
    assert lines[-3:] == [
        " types that leave operators in float in the int8 file: ELU",
        " types of which it is not known what the steps make of them: Scale",
        "",
    ]
    assert [line.split() for line in lines[:-3] if line and "─" not in line] == [
        ["layer", "type", "output", "parameters", "training", "activation", "prune", "cluster", "qat", "ptq"],
        ["backbone/conv", "SeparableConv2D", "28x28x16", "1,234,567", "frozen", "relu", "works", "works", "calibrated",
         "works"],
        ["elu", "ELU", "28x28x16", "0", "-", "-", "works", "works", "float", "works"],
        ["mine", "Scale", "-", "3", "trainable", "-", "?", "?", "?", "?"],
    ]  # fmt: skip


@pytest.mark.parametrize("width", [40, 80, 100])
def test_a_narrow_terminal_shows_the_same_in_two_tables(width):
    lines = shown(width, print_keras_layers, LAYERS)
    assert max(map(len, lines)) <= width
    told = " ".join(" ".join(lines).split())
    for word in ("backbone/conv", "1,234,567", "frozen", "SeparableConv2D", "calibrated", "Scale"):
        assert word in told


@pytest.mark.parametrize("width", [40, 80, 100, 160])
def test_all_of_a_file_fits_any_width(width):
    lines = shown(width, print_contents, contents_of_mixed_file(), True)
    assert max(map(len, lines)) <= width
    told = " ".join(" ".join(lines).split())
    assert "metadata: min_runtime_version 2.11.0, <b>notes 200 B" in told
    assert "472 parameters · 0.6% zeros · 8 bits · 8 operators · 1,728 multiply-accumulates" in told
