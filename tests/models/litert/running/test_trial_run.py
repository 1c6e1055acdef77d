"""A file is tried on samples in a child process; what fails or crashes there is an error that names the operator."""

import numpy as np
import pytest

from compressor.base.errors import StepError
from compressor.models.litert.conversion.converter import Conversion, to_litert
from compressor.models.litert.running.trial_run import refuse_failing

GENERATOR = np.random.default_rng(0)
LOUD = GENERATOR.normal(0, 1, (50, 16)).astype(np.float32)
ABORT_AT_DIV = """
import os
from ai_edge_litert import interpreter
invoke = interpreter.Interpreter.invoke
def crashing(self):
    if any(operator["op_name"] == "DIV" for operator in self._get_ops_details()):
        os.abort()
    invoke(self)
interpreter.Interpreter.invoke = crashing
"""


@pytest.fixture(scope="module")
def quotient(tensorflow):
    """An int8 file that divides by the mean power of a signal, as an audio front end in the graph does."""
    import tf_keras
    from tf_keras import layers

    tf_keras.backend.clear_session()  # or the names of operations would go on counting
    signal = tf_keras.Input((16,), name="signal")
    power = tensorflow.square(signal)
    share = power / tensorflow.reduce_mean(power, axis=1, keepdims=True)
    model = tf_keras.Model(signal, layers.Dense(2, name="end")(share))
    calibration = (LOUD[index : index + 1] for index in range(len(LOUD)))
    return to_litert(model, Conversion("int8", calibration=calibration))


def test_a_file_that_runs_on_all_samples_is_accepted(quotient):
    assert refuse_failing(quotient, LOUD, "the model 'audio'") is None


def test_inputs_are_taken_by_their_names_in_whatever_order_the_data_has_them(two_inputs):
    content, samples = two_inputs
    assert list(samples) == ["tab", "pic"]
    assert refuse_failing(content, samples, "the model") is None
    swapped = {"tab": samples["tab"], "pic": samples["pic"][:, :3]}
    with pytest.raises(StepError, match="'pic'"):
        refuse_failing(content, swapped, "the model")


def test_an_error_on_one_quiet_sample_names_the_operator(quotient):
    samples = LOUD.copy()
    samples[40] *= 1e-3
    with pytest.raises(StepError) as error:
        refuse_failing(quotient, samples, "the model 'audio'")
    assert str(error.value) == (
        "the model 'audio': the file fails on samples of the data at the operator DIV that makes "
        "'tf.math.truediv/truediv' (tflite/kernels/div.cc:262 data[i] != zero_point was not true); keep that operator "
        "in float, by another precision, or write it with other operations"
    )
    assert error.value.exit_code == 4


def test_a_crash_ends_the_child_alone_and_names_the_operator(quotient, tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text(ABORT_AT_DIV)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(StepError) as error:
        refuse_failing(quotient, LOUD, "the model 'audio'")
    assert str(error.value) == (
        "the model 'audio': the file fails on samples of the data at the operator DIV that makes "
        "'tf.math.truediv/truediv' (it crashes the process with SIGABRT); keep that operator in float, by another "
        "precision, or write it with other operations"
    )
