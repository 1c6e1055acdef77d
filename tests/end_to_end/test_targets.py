"""Runs for a target: refused before training where no training helps, and judged at the end."""

import numpy as np
import pytest

import compressor
from compressor.base.errors import ExitCode, TargetError
from compressor.contracts.observer import Observer

PROFILE = """\
extends: cortex-m4-256k
flash: {bytes: 30 kB, source: drawn up for a test}
"""
WITHOUT_POOLING = """\
runtime: tflm
operators:
  CONV_2D: {types: [int8]}
  FULLY_CONNECTED: {types: [int8]}
  RESHAPE: {}
  QUANTIZE: {}
  DEQUANTIZE: {}
"""


class Told(Observer):
    """Keeps the warnings, and what trained."""

    def __init__(self):
        self.warnings, self.trained = [], []

    def warned(self, text):
        self.warnings.append(text)

    def training_started(self, step_id, /, *arguments, **named):
        self.trained.append(step_id)


@pytest.fixture
def recipe(tmp_path, mnist):
    features, labels = next(iter(mnist.train.batches(128)))
    np.savez(tmp_path / "digits.npz", x_train=features, y_train=labels, x_test=features[:64], y_test=labels[:64])

    def write(profile, steps):
        (tmp_path / "board.yaml").write_text(profile)
        path = tmp_path / "recipe.yaml"
        path.write_text(
            "version: 1\nmodel: {source: mnist_cnn, train: {epochs: 1}}\ndata: {source: ./digits.npz}\n"
            f"target: ./board.yaml\nsteps: {steps}\n"
        )
        return path

    return write


def test_a_model_with_an_operator_that_the_target_lacks_is_refused_before_it_is_trained(recipe, tmp_path, tensorflow):
    told = Told()
    with pytest.raises(TargetError) as caught:
        compressor.apply(recipe(WITHOUT_POOLING, "[{uses: ptq}]"), output=tmp_path / "out", observer=told)
    assert str(caught.value) == (
        "the model cannot run on the target 'board': board has no kernel for MAX_POOL_2D in int8 at 'pool/MaxPool'; "
        "change the model or the steps, or take another target"
    )
    assert (caught.value.exit_code, told.trained) == (ExitCode.CONSTRAINT, [])


def test_a_run_is_judged_by_its_target_and_every_stage_says_how_it_fits(recipe, tmp_path, tensorflow):
    told = Told()
    report, _ = compressor.apply(recipe(PROFILE, "[{uses: ptq}]"), output=tmp_path / "out", observer=told)
    last = report.stages[-1]
    assert [stage.device.fits for stage in report.stages] == [False, False]
    assert last.device.flash_bytes == last.flash_bytes == -(-last.bytes // 16) * 16 + 16_000
    assert {group.operator for group in report.stages[0].device.in_float} == {
        "RESHAPE", "CONV_2D", "MAX_POOL_2D", "FULLY_CONNECTED",
    }  # fmt: skip
    over = last.flash_bytes - 30_000
    assert [row.model_dump(exclude={"number"}) for row in report.constraints] == [
        {"name": "target.flash", "limit": "30.0 kB", "actual": f"{last.flash_bytes / 1000:.1f} kB", "met": False,
         "missed_by": f"{over / 1000:.1f} kB", "spent_by": "", "spent": "", "within_noise": None},
        {"name": "target.ram", "limit": "65.5 kB", "actual": f"{last.device.ram_bytes / 1000:.1f} kB", "met": True,
         "missed_by": "", "spent_by": "", "spent": "", "within_noise": None},
        {"name": "target.operators", "limit": "run on board", "actual": "all of them run", "met": True,
         "missed_by": "", "spent_by": "", "spent": "", "within_noise": None},
    ]  # fmt: skip
    (warning,) = [text for text in told.warnings if "untrained" in text]
    assert warning.startswith("the untrained model needs ") and "bytes of flash, and board has 30,000" in warning
