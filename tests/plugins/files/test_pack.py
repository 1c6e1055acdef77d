"""`pack` ends a run with a package, and what is in it is what was measured."""

import re
from pathlib import Path

import pytest

import compressor
from compressor.base.errors import CompressorError
from compressor.models.litert.reading.contents import dissect
from compressor.models.packing.package import is_package
from compressor_plugins.files.pack import Pack

STEPS = [{"uses": "prune", "with": {"final_sparsity": 0.8, "epochs": 1}}, {"uses": "ptq"}, {"uses": "slim"}]


def recipe(*steps, **sections):
    model = {"source": "mnist_cnn", "train": {"epochs": 1}}
    return {"version": 1, "name": "packed", "model": model, "data": {"source": "mnist"}, "steps": [*steps], **sections}


@pytest.fixture(scope="module")
def packed_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packed")
    given = recipe(*STEPS, {"uses": "pack", "with": {"coder": "zstd"}})
    return compressor.apply(given, output=folder / "out", cache=folder / "cache", smoke=True)


def test_the_package_is_the_stage_s_file_and_holds_the_stage_before(packed_run):
    report, folder = packed_run
    slim, pack = report.stages[-2:]
    package, inner = (folder / pack.file).read_bytes(), (folder / slim.file).read_bytes()
    assert pack.file == "stages/4-pack.tfpack"
    assert compressor.unpack(package) == inner
    assert (folder / "model.tfpack").read_bytes() == package
    assert (folder / "model.tflite").read_bytes() == inner


def test_the_report_tells_both_sizes_and_the_same_scores(packed_run):
    report, folder = packed_run
    slim, pack = report.stages[-2:]
    assert pack.bytes == (folder / pack.file).stat().st_size < slim.gzip_bytes
    assert pack.unpacked_bytes == slim.bytes
    assert slim.unpacked_bytes is None
    assert pack.metrics["accuracy"].value == slim.metrics["accuracy"].value
    assert pack.sparsity == slim.sparsity == dissect((folder / "model.tflite").read_bytes()).sparsity
    assert pack.notes == [f"packed by zstd; {slim.bytes:,} bytes unpacked"]


def test_a_package_is_read_where_a_litert_file_is(packed_run):
    from compressor.base.path_or_function import Reference
    from compressor.models.files.as_litert import shipped_bytes
    from compressor.models.files.loading import build_model

    _, folder = packed_run
    inner = (folder / "model.tflite").read_bytes()
    assert shipped_bytes(folder / "model.tfpack") == inner
    reference = Reference("path", str(folder / "model.tfpack"))
    assert reference.format == "litert"
    assert build_model(reference).model == inner


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        (
            ["pack", "ptq"],
            "the model is a Keras model, and 'pack' needs a LiteRT model; an order that works: ptq -> pack",
        ),
        (
            ["ptq", "pack", "slim"],
            "'pack' leaves a packed LiteRT model, and 'slim' needs a LiteRT model; "
            "an order that works: ptq -> slim -> pack",
        ),
        (
            ["ptq", "pack", "prune"],
            "'pack' leaves a packed LiteRT model, and 'prune' needs a Keras model; "
            "an order that works: prune -> ptq -> pack",
        ),
    ],
)
def test_nothing_but_measuring_comes_after_it(steps, text):
    with pytest.raises(CompressorError, match=re.escape(text)):
        compressor.plan(recipe(*({"uses": name} for name in steps)))


def test_the_step_s_result_must_be_what_its_plan_says(step_context, small_cnn):
    from compressor.models.litert.conversion.converter import to_litert
    from compressor_plugins.files.pack import Pack

    content = to_litert(small_cnn())
    assert is_package(Pack(Pack.Params(coder="gzip")).apply(content, step_context()))


def test_a_note_tells_that_the_coder_is_not_compiled(monkeypatch, step_context):
    package = Path(__file__).parents[2] / "models" / "packing" / "packages" / "model-small.tfpack"
    content = compressor.unpack(package.read_bytes())
    monkeypatch.setenv("COMPRESSOR_WITHOUT_COMPILED", "1")
    slow = "packages are coded by Python, which takes about a hundred times as long as compiled code, since "
    slow += "COMPRESSOR_WITHOUT_COMPILED is set; unset it"
    for coder, notes in {"best": [slow], "xz": []}.items():
        context = step_context()
        packed = Pack(Pack.Params(coder=coder)).apply(content, context)
        assert (packed == package.read_bytes()) == (coder == "best")
        name = "model" if coder == "best" else coder
        assert context.notes == [*notes, f"packed by {name}; 1,849 bytes unpacked"]


def test_a_note_tells_that_the_best_coder_needs_slim(step_context, small_cnn):
    from compressor.models.litert.conversion.converter import to_litert
    from compressor_plugins.files.pack import Pack

    context = step_context()
    Pack(Pack.Params()).apply(to_litert(small_cnn()), context)
    assert context.notes[-1] == (
        "the coder 'model', which makes the smallest packages, was not tried, since it takes only files that 'slim' "
        "wrote; put 'uses: slim' before this step"
    )
