"""`compressor sensitivity`: the table that mixed_precision picks by."""

import json
from typing import get_args

import pytest
from click.testing import CliRunner
from small_litert_files import chain

from compressor.cli import root
from compressor.contracts.layer_sensitivity import Rounding, WeightType

EVEN = '''
import compressor
from compressor.contracts.layer_sensitivity import LayerSensitivity, SensitivityStrategy


class Even(SensitivityStrategy):
    """Leave all layers alike."""

    name = "even"

    def plan(self, state):
        return state

    def apply(self, model, context):
        return model

    @classmethod
    def sensitivity(cls, model, samples, types, rounding):
        if rounding == "mse":
            raise ZeroDivisionError("no samples")
        return [LayerSensitivity("all", "Dense", 3, {"int8": 3}, {"int8": 0.25})]


@compressor.hookimpl
def strategies():
    return [Even]
'''


@pytest.fixture(scope="module")
def model_file(tensorflow, tmp_path_factory):
    import tf_keras
    from tf_keras import layers

    from compressor.models.files.keras_files import save_keras

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)
    parts = [layers.Flatten(), layers.Dense(8, activation="relu", name="hidden"), layers.Dense(10, name="head")]
    path = tmp_path_factory.mktemp("models") / "model.h5"
    save_keras(tf_keras.Sequential([layers.InputLayer((28, 28)), *parts]), path)
    return path


def test_it_shows_a_row_a_layer_and_the_same_figures_as_json(model_file):
    arguments = [
        "sensitivity",
        str(model_file),
        "--data",
        "mnist",
        "--samples",
        "16",
        "--type",
        "int8",
        "--type",
        "int4",
    ]
    shown = CliRunner().invoke(root, arguments, env={"COLUMNS": "120"})
    assert shown.exit_code == 0, shown.output
    rows = {line.split()[0]: line.split() for line in shown.output.splitlines() if line.strip()}
    assert rows["hidden"][1:3] == ["Dense", "6,272"]
    found = CliRunner().invoke(root, [*arguments, "--json"])
    data = json.loads(found.output)
    assert (data["samples"], data["algorithm"]) == (16, "octav")
    hidden = data["layers"][0]
    assert (hidden["layer"], hidden["kind"], hidden["weights"]) == ("hidden", "Dense", 6272)
    assert hidden["bytes"] == {"int8": 6272 + 32, "int4": 3136 + 32}
    assert 0 < hidden["errors"]["int8"] < hidden["errors"]["int4"]
    assert f"{hidden['errors']['int4']:.2%}" in rows["hidden"]
    assert "█" in shown.output


def test_a_missing_file_is_named(tmp_path):
    from compressor.base.errors import ModelError

    result = CliRunner().invoke(root, ["sensitivity", str(tmp_path / "no.tflite"), "--data", "mnist"])
    assert isinstance(result.exception, ModelError)
    assert str(result.exception) == f"there is no model file {tmp_path / 'no.tflite'}; check the path"


def test_a_quantized_file_is_refused_as_the_users(tmp_path):
    from compressor.base.errors import ModelError

    (tmp_path / "q.tflite").write_bytes(chain())
    result = CliRunner().invoke(root, ["sensitivity", str(tmp_path / "q.tflite"), "--data", "mnist"])
    assert isinstance(result.exception, ModelError)
    remedy = "give the float file that it was made from, or look at it with 'compressor debug'"
    assert str(result.exception) == f"{tmp_path / 'q.tflite'} is quantized already; {remedy}"


def test_a_plugins_strategy_can_measure(run, install, model_file):
    install("acme", EVEN)
    code, out, _ = run("sensitivity", str(model_file), "--data", "mnist", "--strategy", "even", "--json")
    assert code == 0
    row = {"layer": "all", "kind": "Dense", "weights": 3, "bytes": {"int8": 3}, "errors": {"int8": 0.25}}
    assert json.loads(out)["layers"] == [row]


def test_a_plugins_strategy_that_fails_is_named(run, install, model_file):
    install("acme", EVEN)
    arguments = ["--data", "mnist", "--strategy", "even", "--algorithm", "mse"]
    code, _, err = run("sensitivity", str(model_file), *arguments)
    assert code == 4
    assert "error: the strategy 'even' (acme 1.0) failed with ZeroDivisionError: no samples; fix it, or" in err


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "prune",
            "the strategy 'prune' (compressor 0.1.0) does not measure sensitivity; "
            "leave out --strategy, or name one derived from SensitivityStrategy",
        ),
        ("mixed_precisio", "unknown strategy 'mixed_precisio'; did you mean 'mixed_precision'?"),
    ],
)
def test_a_strategy_that_cannot_measure_is_refused(run, model_file, name, text):
    assert run("sensitivity", str(model_file), "--data", "mnist", "--strategy", name) == (1, "", f"error: {text}\n")


def test_the_choices_are_those_of_the_contract():
    choices = {option.name: option.type for option in root.get_command(None, "sensitivity").params}
    assert {*choices["types"].choices} == {*get_args(WeightType)} - {"float32"}
    assert tuple(choices["algorithm"].choices) == get_args(Rounding)
