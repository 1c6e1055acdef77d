"""Two files operator by operator: counterparts are found by the order of operators and the shapes of their outputs."""

from compressor.comparing import file_comparison
from compressor.comparing.file_comparison import compared_files, file_data
from compressor.comparing.file_texts import call_lines, kind_rows, layer_lines
from compressor.comparing.keras_layers import StoredLayer, compared_layers
from compressor.models.litert.reading.graph_contents import FileOperator
from compressor.models.litert.reading.operator_calls import Constant, OperatorCall


def call(name, shape, *constants, output="x", types="float32"):
    held = tuple(Constant(place + 1, *constant) for place, constant in enumerate(constants))
    return OperatorCall(FileOperator(name, output, types, "float"), shape, held)


WEIGHTS = ("w", (12, 3, 3, 1), "float32", 432)
FLOAT = (
    call("CONV_2D", (1, 26, 26, 12), WEIGHTS, ("b", (12,), "float32", 48), output="conv"),
    call("RELU", (1, 26, 26, 12), output="relu"),
    call("FULLY_CONNECTED", (1, 10), ("d", (10, 2028), "float32", 81_120), output="dense"),
    call("SOFTMAX", (1, 10), output="softmax"),
)
INT8 = (
    call("QUANTIZE", (1, 28, 28, 1), output="q", types="float32 to int8"),
    call("CONV_2D", (1, 26, 26, 12), ("w8", (12, 3, 3, 1), "int8", 108), output="conv", types="int8"),
    call("FULLY_CONNECTED", (1, 10), ("d8", (10, 2028), "int8", 20_280), output="dense", types="int8"),
    call("SOFTMAX", (1, 10), output="softmax"),
)


def compared(monkeypatch, before, after):
    files = {b"a" * 90_000: before, b"b" * 25_000: after}
    monkeypatch.setattr(file_comparison, "calls_of", files.__getitem__)
    return compared_files(*files)


def test_what_was_added_removed_and_changed_is_found(monkeypatch):
    comparison = compared(monkeypatch, FLOAT, INT8)
    assert list(call_lines(comparison, 9)) == [
        ("removed", "RELU 'relu' (1x26x26x12 in float32)"),
        ("added", "QUANTIZE 'q' (1x28x28x1 in float32 to int8)"),
        ("changed", "CONV_2D 'conv': float32 → int8; 'w8' 432 B → 108 B, float32 → int8; "
                    "without 'b' (12 of float32, 48 B)"),
        ("changed", "FULLY_CONNECTED 'dense': float32 → int8; 'd8' 81.1 kB → 20.3 kB, float32 → int8"),
        ("same", "1 operators"),
    ]  # fmt: skip


def test_the_bytes_of_each_operator_and_of_the_rest_make_up_the_file(monkeypatch):
    comparison = compared(monkeypatch, FLOAT, INT8)
    assert kind_rows(comparison)[:2] == [
        ("FULLY_CONNECTED", "1", "float32 → int8", "81.1 kB", "20.3 kB", "-60.8 kB"),
        ("CONV_2D", "1", "float32 → int8", "480 B", "108 B", "-372 B"),
    ]
    assert kind_rows(comparison)[-1] == ("graph, names, scales", "", "", "8.4 kB", "4.6 kB", "-3.8 kB")
    for side, size in ((0, 90_000), (1, 25_000)):
        assert sum(kind.bytes[side] for kind in comparison.kinds) + comparison.other_bytes[side] == size


def test_an_operator_with_fewer_channels_is_the_same_operator(monkeypatch):
    after = (call("CONV_2D", (1, 26, 26, 6), ("w", (6, 3, 3, 1), "float32", 216), output="conv"), *FLOAT[1:])
    comparison = compared(monkeypatch, FLOAT, after)
    assert (comparison.removed, comparison.added, comparison.same) == ((), (), 3)
    assert next(call_lines(comparison, 9)) == (
        "changed",
        "CONV_2D 'conv': 1x26x26x12 → 1x26x26x6; 'w' 432 B → 216 B, 12x3x3x1 → 6x3x3x1; "
        "without 'b' (12 of float32, 48 B)",
    )


def test_a_long_list_is_cut_and_says_so(monkeypatch):
    lines = list(call_lines(compared(monkeypatch, (), FLOAT), 3))
    assert lines[-1] == ("added", "and 1 more, which --format json lists")
    assert len(lines) == 4
    data = file_data(compared(monkeypatch, (), FLOAT))
    assert [one["output"] for one in data["added"]] == ["conv", "relu", "dense", "softmax"]


def test_layers_of_keras_files_are_matched_by_name():
    before = [StoredLayer("conv", "Conv2D", 120, "26x26x12"), StoredLayer("flat", "Flatten", 0, "2028")]
    after = [StoredLayer("conv", "Conv2D", 60, "26x26x6"), StoredLayer("pool", "MaxPooling2D", 0, "13x13x6")]
    assert layer_lines(compared_layers(before, after)) == {
        "removed": ["Flatten 'flat' (2028, 0 parameters)"],
        "added": ["MaxPooling2D 'pool' (13x13x6, 0 parameters)"],
        "changed": ["'conv': 26x26x12 → 26x26x6, 120 → 60 parameters"],
        "same": ["0"],
    }
