"""A run that was cut goes on where it was, and ends in the same bytes; a second run makes nothing anew."""

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from cut_trainings import CutError, Memory

import compressor
from compressor.contracts.observer import Observer
from compressor.recipe.training_params import EarlyStopping, TrainingParams
from compressor.training.trainer import Trainer

TINY = {
    "version": 1,
    "name": "tiny",
    "model": {"source": "mnist_cnn", "train": {"epochs": 1}},
    "data": {"source": "mnist"},
    "training": {"batch_size": 2000},
    "steps": [{"uses": "prune", "with": {"epochs": 1}}, {"uses": "ptq"}],
}


class Counting(Observer):
    def __init__(self):
        self.trained = []

    def training_started(self, step_id, epochs, steps_per_epoch):
        self.trained.append(step_id)


def run(folder, **changes):
    counting = Counting()
    report, folder = compressor.apply({**TINY, **changes}, output=folder, smoke=True, observer=counting)
    return report, folder, counting.trained


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that has come to its end, and the cache that it left."""
    folder = tmp_path_factory.mktemp("whole")
    counting = Counting()
    report, out = compressor.apply(TINY, output=folder / "1", smoke=True, observer=counting, cache=folder / "cache")
    return report, out, counting.trained


@pytest.fixture
def first(whole, tmp_path):
    """That run, and its cache as this test's own."""
    shutil.copytree(whole[1].parent / "cache", tmp_path / "cache")
    return whole


def test_a_second_run_trains_nothing_and_gives_the_same_report(first, tmp_path):
    first, folder, trained = first
    second, again, nothing = run(tmp_path / "2")
    assert trained == ["baseline", "prune"]
    assert nothing == []
    assert [stage.cached for stage in second.stages] == [True, True, True]
    for one, two in zip(first.stages, second.stages, strict=True):
        same = {"cached", "measure_seconds"}
        assert one.model_dump(exclude=same) == two.model_dump(exclude=same)
    assert (folder / "model.tflite").read_bytes() == (again / "model.tflite").read_bytes()


def test_a_second_run_does_without_tensorflow(first, tmp_path):
    code = "import sys, json, compressor; compressor.apply(json.loads(sys.argv[1]), output=sys.argv[2], smoke=True); "
    code += "print('tensorflow' in sys.modules)"
    environment = {**os.environ, "COMPRESSOR_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, "-c", code, json.dumps(TINY), str(tmp_path / "out")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["False"], done.stderr


def test_changing_the_last_step_runs_that_step_alone(first, tmp_path):
    steps = [TINY["steps"][0], {"uses": "ptq", "with": {"precision": "float16"}}]
    report, _, trained = run(tmp_path / "2", steps=steps)
    assert trained == []
    assert [stage.cached for stage in report.stages] == [True, True, False]
    assert report.stages[-1].weight_bits == 16


def test_changing_a_step_runs_it_and_what_follows(first, tmp_path):
    steps = [{"uses": "prune", "with": {"epochs": 1, "final_sparsity": 0.7}}, TINY["steps"][1]]
    report, _, trained = run(tmp_path / "2", steps=steps)
    assert trained == ["prune"]
    assert [stage.cached for stage in report.stages] == [True, False, False]


def test_a_constraint_or_another_name_runs_nothing(first, tmp_path):
    report, _, trained = run(tmp_path / "2", constraints={"max_size": "1 kB"}, name="other")
    assert trained == []
    assert all(stage.cached for stage in report.stages)


def test_another_seed_runs_everything(first, tmp_path):
    _, folder = compressor.apply(TINY, output=tmp_path / "2", smoke=True, seed=1)
    assert (folder / "model.tflite").read_bytes() != (first[1] / "model.tflite").read_bytes()


def test_a_damaged_entry_is_made_again_and_the_result_is_the_same(first, tmp_path):
    _, folder, _ = first
    for path in (tmp_path / "cache").glob("*/*/*"):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    report, again, trained = run(tmp_path / "2")
    assert trained == ["baseline", "prune"]
    assert not any(stage.cached for stage in report.stages)
    assert (folder / "model.tflite").read_bytes() == (again / "model.tflite").read_bytes()


def trained_weights(digits, build, checkpoints, params):
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    model = build()
    trainer = Trainer("t", digits, 0, Observer(), [], smoke=False, checkpoints=checkpoints)
    trainer.fit(model, params, [], 0)
    (curve,) = trainer.curves
    assert len(curve) > 1
    return [*model.get_weights(), np.array([[figures["loss"], figures["val_loss"]] for figures in curve])]


def with_dropout(tensorflow):
    import tf_keras
    from tf_keras import layers

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)
    return tf_keras.Sequential(
        [
            layers.InputLayer((28, 28)),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(10),
            layers.BatchNormalization(),
        ]
    )


_STOPPING = EarlyStopping(patience=1, min_delta=0.02)


@pytest.mark.parametrize(
    ("optimizer", "early"),
    [
        ("adam", _STOPPING),
        ("nadam", None),
        *(pytest.param(*pair, marks=pytest.mark.long)
          for pair in [("adam", None), ("sgd", None), ("sgd", _STOPPING), ("nadam", _STOPPING)]),
    ],
)  # fmt: skip
def test_a_training_cut_after_any_epoch_ends_in_the_same_weights_and_has_the_same_curve(
    tensorflow, digits, optimizer, early
):
    params = TrainingParams(epochs=4, batch_size=300, optimizer=optimizer, decay="cosine", early_stopping=early)
    data = replace(digits, train=digits.train.take(900), validation=digits.validation.take(100))
    build = lambda: with_dropout(tensorflow)  # noqa: E731
    whole = trained_weights(data, build, None, params)
    for epoch in (1, 2, 3):
        memory = Memory(die_after=epoch)
        try:
            trained_weights(data, build, memory, params)
        except CutError:
            memory.die_after = None
        for one, two in zip(whole, trained_weights(data, build, memory, params), strict=True):
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    ("settings", "cut", "traits"),
    [
        ({"epochs": 3, "initial_sparsity": 0.3, "ramp": 1.0, "learning_rate": 0.01}, 1, ("sparse",)),
        ({"epochs": 2, "rounds": 2, "rewind": "weights"}, 5, ()),
        pytest.param({"epochs": 3}, 2, (), marks=pytest.mark.long),
        pytest.param({"epochs": 3, "scope": "global"}, 2, (), marks=pytest.mark.long),
        pytest.param({"epochs": 1, "rounds": 2}, 1, (), marks=pytest.mark.long),
    ],
)
def test_a_pruning_cut_after_an_epoch_ends_in_the_same_weights(small_cnn, digits, settings, cut, traits):
    from compressor.contracts.context import StepContext
    from compressor.contracts.model_state import ModelState
    from compressor_plugins.prune.prune import Prune

    def prune(checkpoints):
        model = small_cnn()
        trainer = Trainer("t", digits, 0, Observer(), [], smoke=False, checkpoints=checkpoints)
        context = StepContext(state=ModelState().add(*traits), train=digits.train, trainer=trainer, seed=0)
        return Prune(Prune.Params(**settings, batch_size=400)).apply(model, context).get_weights()

    whole = prune(None)
    memory = Memory(die_after=cut)
    with pytest.raises(CutError):
        prune(memory)
    memory.die_after = None
    for one, two in zip(whole, prune(memory), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_killed_run_leaves_nothing_half_written_and_goes_on(tmp_path):
    command = [sys.executable, "-m", "compressor", "apply", "prune_qat", "--smoke", "--quiet"]
    for seconds in (3.5, 5.0):
        process = subprocess.Popen([*command, "-o", str(tmp_path / f"cut {seconds}")])
        time.sleep(seconds)
        process.kill()
        process.wait()
    done = subprocess.run([*command, "-o", str(tmp_path / "on")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    whole = subprocess.run([*command, "--no-cache", "-o", str(tmp_path / "whole")], capture_output=True, text=True)
    assert whole.returncode == 0, whole.stderr
    for name in ("model.tflite", "stages/1-prune.tflite", "stages/2-qat.h5"):
        assert (tmp_path / "on" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_training_that_blows_up_fails_again_when_it_is_run_again(tmp_path):
    from compressor.base.errors import StepError

    for _ in range(2):
        with pytest.raises(StepError, match=r"the loss became (nan|inf) in epoch 1; lower the learning rate"):
            blow_up(tmp_path)


def blow_up(tmp_path):
    """A training whose loss is not finite from the first step, on inputs that overflow."""
    from compressor import ArraySplit, Session, Splits

    huge = ArraySplit(np.full((64, 28, 28), 1e38, np.float32), np.zeros(64, np.int64))
    session = Session("mnist_cnn", Splits(huge, huge, huge), progress=False, cache=tmp_path / "cache")
    session.train(epochs=1, batch_size=16)


def test_the_same_command_goes_on_in_the_same_folder(tmp_path, monkeypatch):
    import compressor.api

    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
        patch.setattr(compressor.api, "summarise", lambda *_: 1 / 0)
        run(tmp_path / "out")
    report, folder, trained = run(tmp_path / "out")
    assert trained == []
    assert (folder / "report.json").exists()
    assert len(report.stages) == 3


def test_a_step_that_was_interrupted_under_other_conditions_says_so_and_starts_anew(tmp_path, monkeypatch):
    warnings = []

    class Watcher(Observer):
        def epoch_finished(self, step_id, epoch, logs):
            if cut:
                raise KeyboardInterrupt

        def warned(self, text):
            if "interrupted" in text:
                warnings.append(text)

    recipe = {**TINY, "steps": []}
    cut = True
    with pytest.raises(KeyboardInterrupt):
        compressor.apply(recipe, output=tmp_path / "1", smoke=True, observer=Watcher())
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    cut = False
    compressor.apply(recipe, output=tmp_path / "2", smoke=True, observer=Watcher())
    assert warnings == [
        "the step 'baseline' was interrupted with ONEDNN_MAX_CPU_ISA not set (now 'AVX2'), and starts anew, "
        "since other conditions give other bytes"
    ]
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX512_CORE")  # a step that came to its end was not interrupted
    compressor.apply(recipe, output=tmp_path / "3", smoke=True, observer=Watcher())
    assert len(warnings) == 1
