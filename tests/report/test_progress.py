"""What is said of a run while it goes on: by two bars in a terminal, and elsewhere a line at a time."""

import io
import re
from datetime import UTC, datetime

import pytest
from made_reports import made_report

import compressor
from compressor.contracts.configured_metric import ConfiguredMetric
from compressor.contracts.context import StepContext
from compressor.contracts.model_state import ModelState
from compressor.contracts.observer import Observers
from compressor.data.prepared_splits import RunData
from compressor.report.progress import Lines, watching
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


RECIPE = {
    "version": 1,
    "name": "mine",
    "model": {"source": "mnist_cnn", "train": {"epochs": 2}},
    "data": {"source": "mnist"},
    "training": {"batch_size": 100},
    "steps": [{"uses": "prune"}, {"uses": "ptq"}],
}
LOGS = {"loss": 0.06, "accuracy": 0.97, "val_loss": 0.052, "val_accuracy": 0.983}


def run_until(observer, plan, done):
    """Tell of a run in which a stage is done, and the next one trains."""
    observer.run_started(plan, {"train": 1000, "validation": 100, "test": 100})
    observer.rehearsing()
    observer.rehearsed(3.2)
    observer.step_started("baseline")
    observer.training_started("baseline", 2, 10)
    observer.batch_finished("baseline", 0, 0, {"loss": 2.3})
    observer.epoch_finished("baseline", 0, LOGS)
    observer.measuring("baseline")
    observer.step_finished(done)
    observer.step_started("prune")
    observer.training_started("prune", 3, 10)
    observer.training_resumed("prune", 1)
    observer.epoch_finished("prune", 1, LOGS)


class Terminal:
    """A terminal of some width, and what it shows in the end."""

    def __init__(self, width):
        self.screen = Screen(io.StringIO(), width=width, force_terminal=True, no_color=True, legacy_windows=False)

    def shown(self):
        lines, row = [""], 0
        parts = r"\x1b\[([?\d;]*)([a-zA-Z])|(\r|\n|[^\x1b\r\n]+)"
        for count, letter, text in re.findall(parts, self.screen.file.getvalue()):
            if letter == "A":
                row -= int(count or 1)
            elif letter == "K":
                lines[row] = ""
            elif text == "\n":
                row += 1
                lines += [""] * (row == len(lines))
            elif text != "\r":
                lines[row] += text
        return [line.rstrip() for line in lines if line.strip()]


def test_a_terminal_shows_a_line_for_each_stage_and_two_bars_which_go_in_the_end(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    terminal, report = Terminal(100), made_report()
    observer, plan = watching(terminal.screen, quiet=False), compressor.plan(RECIPE)
    run_until(observer, plan, report.stages[0])
    observer.paused()
    lines = terminal.shown()
    head = [
        "mine · mnist_cnn on mnist (1,000 train · 100 validation · 100 test) · seed 0",
        " plan  baseline -> prune -> ptq",
        " rehearsal all steps can be taken on this model, tried in 0:03",
        " baseline  done in 1:23 · measured in 0:02 · 83.6 kB · accuracy 98.24 % ±0.26",
        " prune     going on after epoch 1, where an earlier run was cut",
    ]
    assert lines[:5] == head
    run, step = (re.sub("[━╸╺]+ *", "# ", line) for line in lines[5:])
    assert re.fullmatch(r" run       # 1/3 stages · 0:0\d so far · about 0:00 of training left", run)
    assert step == " prune     # epoch 2/3 · validation loss 0.052 · accuracy 98.3 %"
    observer.step_finished(report.stages[1])
    observer.step_started("ptq")
    observer.measuring("ptq")
    observer.step_finished(report.stages[2])
    observer.run_finished(report)
    observer.paused()
    assert terminal.shown() == [
        *head,
        *lines[5:],  # of the step that was cut
        " prune     cached · measured in 0:02 · 83.6 kB · accuracy 98.11 % ±0.26",
        " ptq       done in 1:23 · measured in 0:02 · 23.3 kB · accuracy 97.87 % ±0.26",
    ]


@pytest.mark.parametrize("width", [40, 80, 100, 160])
def test_no_line_of_a_run_is_wider_than_the_terminal(width, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal(width)
    observer = watching(terminal.screen, quiet=False)
    run_until(observer, compressor.plan(RECIPE), made_report().stages[0])
    observer.paused()
    lines = terminal.shown()
    assert max(map(len, lines)) <= width
    assert "accuracy 98.24 % ±0.26" in " ".join(lines)
    assert "epoch 2/3" in lines[-1]


@pytest.mark.parametrize(("term", "line_end"), [("dumb", "\n"), ("dumb", "\r\n"), ("unknown", "\n")])
def test_a_terminal_that_can_only_print_gets_lines_with_their_time(term, line_end, monkeypatch):
    monkeypatch.setenv("TERM", term)
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, "utf-8", newline=line_end)
    observer = watching(Screen(stream, width=80, force_terminal=True), quiet=False)
    run_until(observer, compressor.plan(RECIPE), made_report().stages[0])
    stream.flush()
    lines = raw.getvalue().decode().split(line_end)
    assert lines.pop() == ""
    assert not any("\r" in line or "\n" in line or "\x1b" in line for line in lines)
    assert [line.partition(" ")[2].partition(" left")[0].rpartition(" · 0:")[0] or line.partition(" ")[2]
            for line in lines][-1] == "prune: epoch 2/3 · validation loss 0.052 · accuracy 98.3 %"  # fmt: skip
    assert lines[0].endswith(" mine · mnist_cnn on mnist (1,000 train · 100 validation · 100 test) · seed 0")
    assert lines[1].endswith(" plan: baseline -> prune -> ptq")
    assert lines[5].endswith(" baseline: done in 1:23 · measured in 0:02 · 83.6 kB · accuracy 98.24 % ±0.26")
