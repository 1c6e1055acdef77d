"""Distillation keeps what earlier steps made, wherever it stands in a chain, and in every step that trains."""

import shutil

import numpy as np
import pytest

import compressor

HEAD = {
    "version": 1,
    "name": "taught",
    "model": {"source": "mnist_cnn", "with": {"filters": 4}, "train": {"epochs": 1}},
    "data": {"source": "mnist"},
    "training": {"batch_size": 100},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A cache with the baseline that all of these recipes start from."""
    folder = tmp_path_factory.mktemp("trained")
    compressor.apply({**HEAD, "steps": []}, output=folder / "out", smoke=True, cache=folder / "cache")
    return folder / "cache"


@pytest.fixture(autouse=True)
def warm_cache(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "cache")


def apply(tmp_path, *steps, **sections):
    recipe = {**HEAD, **sections, "steps": [{"uses": uses, "with": params} for uses, params in steps]}
    report, _ = compressor.apply(recipe, output=tmp_path / "out", smoke=True)
    return report


def test_distilling_keeps_zeros_clusters_and_fake_quantization(tmp_path):
    steps = ("prune", {}), ("cluster", {}), ("distill", {}), ("qat", {}), ("distill", {"epochs": 1}), ("ptq", {})
    report = apply(tmp_path, *steps)
    pruned, clustered, distilled, _, again, last = report.stages[1:]
    assert [stage.state for stage in (distilled, again)] == [
        "keras, clustered, sparse", "keras, clustered, quantization_aware, sparse",
    ]  # fmt: skip
    assert [stage.teacher for stage in report.stages] == ["", "", "", "baseline", "", "baseline", ""]
    for stage in (clustered, distilled, again, last):
        assert stage.sparsity == pytest.approx(pruned.sparsity, abs=0.01)
    kernels = [max(layer.unique for layer in stage.layers if len(layer.shape) > 1) for stage in (clustered, distilled)]
    assert kernels[0] == kernels[1] <= 16
    assert last.weight_bits == 8


def test_every_step_that_trains_takes_the_teacher_of_the_training_section(tmp_path):
    steps = ("train", {"epochs": 1}), ("prune", {}), ("cluster", {}), ("qat", {"teacher": None}), ("ptq", {})
    training = {"batch_size": 100, "teacher": {"source": "baseline", "temperature": 2}}
    report = apply(tmp_path, *steps, training=training)
    assert [stage.teacher for stage in report.stages] == ["", "baseline", "baseline", "baseline", "", ""]


def test_the_projection_of_a_hint_is_not_in_the_file(tmp_path):
    hints = [{"student": "dense", "teacher": "dense"}]
    plain = apply(tmp_path / "plain", ("distill", {})).stages[-1]
    hinted = apply(tmp_path / "hinted", ("distill", {"teacher": {"source": "baseline", "hints": hints}})).stages[-1]
    assert hinted.parameters == plain.parameters
    assert [layer.shape for layer in hinted.layers] == [layer.shape for layer in plain.layers]


def test_a_hint_finds_its_layer_within_fake_quantization(small_cnn, step_context):
    from compressor import Teacher, TrainingParams
    from compressor.training.distillation import Distillation
    from compressor_plugins.qat.qat import QAT

    hints = [{"student": "conv", "teacher": "conv"}]
    params = TrainingParams(teacher=Teacher(source="baseline", hints=hints))
    student = QAT(QAT.Params(epochs=1, batch_size=1000)).apply(small_cnn(filters=4), step_context())
    (projection,) = Distillation(student, small_cnn(filters=6), params, params.teacher, seed=0).variables
    assert projection.shape == (4, 6)
    assert np.isfinite(projection.numpy()).all()


def test_a_teacher_is_needed(tmp_path):
    with pytest.raises(compressor.CompressorError) as caught:
        compressor.plan({**HEAD, "steps": [{"uses": "distill", "with": {"teacher": None}}]})
    assert str(caught.value) == "error: 'teacher' takes a source or a mapping, not an empty value"
