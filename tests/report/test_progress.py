"""What is said of a run while it goes on, a line at a time."""

import re
from datetime import UTC, datetime

import pytest

import compressor
from compressor.contracts.configured_metric import ConfiguredMetric
from compressor.contracts.context import StepContext
from compressor.contracts.model_state import ModelState
from compressor.contracts.observer import Observers
from compressor.data.prepared_splits import RunData
from compressor.report.progress import Lines
from compressor.report.run_clock import RunClock
from compressor.report.screen import Screen
from compressor.training.trainer import Trainer


@pytest.mark.parametrize(
    ("logs", "line"),
    [
        ({"loss": 0.0521, "accuracy": 0.983}, "loss 0.052 · accuracy 98.3 %"),
        ({"loss": 9.0, "val_loss": 8.277e-09, "val_mae": 0.0}, "validation loss 8.277e-09 · mae 0.000"),
        ({"loss": 996_349.562, "mean_absolute_error": 996.895}, "loss 9.963e+05 · mean_absolute_error 996.895"),
    ],
)
def test_an_epoch_s_figures_are_told_whatever_their_size(logs, line, capsys):
    clock = RunClock()
    lines = Observers(clock, Lines(Screen(width=200), clock))
    lines.training_started("train", 1, 9)
    lines.epoch_finished("train", 0, logs)
    said = capsys.readouterr().out.splitlines()
    assert [line.partition(" ")[2] for line in said] == [
        "train: training, 1 epoch of 9 steps",
        f"train: epoch 1/1 · {line}",
    ]
    times = [datetime.fromisoformat(line.partition(" ")[0]) for line in said]
    assert all(abs((datetime.now(UTC) - time).total_seconds()) < 60 for time in times)


def test_figures_in_training_go_by_the_names_of_the_model_s_outputs(tensorflow, digits, registry, capsys):
    import tf_keras

    inputs = tf_keras.Input((28, 28))
    flat = tf_keras.layers.Flatten()(inputs)
    heads = {name: tf_keras.layers.Dense(10, name=name)(flat) for name in ("age_output", "age")}
    model = tf_keras.Model(inputs, list(heads.values()))
    labels = digits.train.take(100).labels()
    pixels = digits.train.samples.inputs[:100]
    split = compressor.Splits((pixels, dict.fromkeys(heads, labels))).train
    data = RunData("two", split, split, split)
    clock = RunClock()
    lines = Observers(clock, Lines(Screen(width=200), clock))
    metrics = [ConfiguredMetric.of(registry.get("metric", "accuracy").cls(), "age_output")]
    trainer = Trainer("qat", data, 0, lines, metrics, smoke=False)
    strategy = registry.get("strategy", "qat").cls
    context = StepContext(state=ModelState(), train=split, trainer=trainer, seed=0)
    strategy(strategy.Params(epochs=1)).apply(model, context)
    epoch = next(line for line in capsys.readouterr().out.splitlines() if "epoch 1/1" in line)
    assert re.sub(r" [\d.]+", " #", epoch.partition(" · ")[2]) == (
        "validation loss # · age_output_loss # · age_loss # · age_output_accuracy #"
    )
