"""What is said of a run while it goes on, a line at a time."""

import pytest
from rich.console import Console

from compressor.report.progress import Lines


@pytest.mark.parametrize(
    ("logs", "line"),
    [
        ({"loss": 0.0521, "accuracy": 0.983}, "loss 0.052  accuracy 98.3 %"),
        ({"loss": 9.0, "val_loss": 8.277e-09, "val_mae": 0.0}, "validation loss 8.277e-09  mae 0.000"),
        ({"loss": 996_349.562, "mean_absolute_error": 996.895}, "loss 9.963e+05  mean_absolute_error 996.895"),
    ],
)
def test_an_epoch_s_figures_are_told_whatever_their_size(logs, line, capsys):
    lines = Lines(Console(width=200))
    lines.training_started("train", 1, 9)
    lines.epoch_finished("train", 0, logs)
    assert capsys.readouterr().out.splitlines() == [
        " train: training, 1 epoch of 9 steps",
        f" train: epoch 1/1  {line}",
    ]
