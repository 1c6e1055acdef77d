"""Losses by name: known without TensorFlow, made to suit what a model ends in, refused where labels cannot fit."""

import numpy as np
import pytest

from compressor.base.errors import DataError, StepError
from compressor.planning import planner
from compressor.recipe.loss_names import LOSSES, full_name
from compressor.recipe.problems import RecipeError
from compressor.training.losses import losses_for, named_losses, refuse_misfit

RECIPE = """\
version: 1
model: {{source: mnist_cnn, train: {{epochs: 1}}}}
data: {{source: mnist}}
training: {{loss: {0}}}
"""


@pytest.fixture
def keras(tensorflow):
    import tf_keras

    tf_keras.backend.clear_session()
    return tf_keras


def ending_in(keras, units, activation=None):
    return keras.Sequential([keras.layers.InputLayer((4,)), keras.layers.Dense(units, activation, name="head")])


def two_heads(keras):
    x = keras.Input((4,), name="x")
    kind = keras.layers.Dense(3, activation="softmax", name="kind")(x)
    return keras.Model(x, [keras.layers.Dense(1, name="angle")(x), kind])


def test_every_loss_of_the_list_is_one_of_keras_and_none_of_keras_is_missing(keras):
    found = {name for name in dir(keras.losses) if not name.startswith("_")}
    for name, cls in LOSSES.items():
        assert type(keras.losses.get(cls)).__name__ == cls
        assert getattr(keras.losses, name, None) is not None or name == "log_cosh"
    extra = {"Loss", "Reduction", "deserialize", "get", "serialize"}
    known = {name for name in found if full_name(name) in LOSSES or full_name(name.lower()) in LOSSES}
    assert found - known == extra


@pytest.mark.parametrize(
    ("loss", "place", "message"),
    [
        ("mse_", "4:18", "'training.loss': Keras has no loss 'mse_'; did you mean 'mse'?"),
        (
            "{kind: sparse_categorical_crossentropi}",
            "4:25",
            "'training.loss.kind': Keras has no loss 'sparse_categorical_crossentropi'; "
            "did you mean 'sparse_categorical_crossentropy'?",
        ),
        ("3", "4:18", "'training.loss' takes text, not 3"),
        ("{}", "4:18", "'training.loss' needs 1 or more entries, but has 0"),
    ],
)
def test_a_loss_that_keras_does_not_have_is_told_where_it_stands(tmp_path, monkeypatch, loss, place, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(loss))
    with pytest.raises(RecipeError) as error:
        planner.check("recipe.yaml")
    assert str(error.value).splitlines()[0] == f"recipe.yaml:{place}: error: {message}"


@pytest.mark.parametrize("loss", ["mse", "BinaryCrossentropy", "my.module:loss", "{kind: mae, angle: my.module:loss}"])
def test_names_aliases_classes_functions_and_mappings_of_them_are_taken(tmp_path, loss):
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(loss))
    planner.check(tmp_path / "recipe.yaml")


@pytest.mark.parametrize("activation", [None, "softmax"])
@pytest.mark.parametrize(
    "name", ["sparse_categorical_crossentropy", "categorical_crossentropy", "categorical_focal_crossentropy"]
)
def test_losses_of_classes_are_told_whether_they_get_logits(keras, name, activation):
    loss = losses_for(ending_in(keras, 3, activation), name)
    assert loss.get_config()["from_logits"] is (activation is None)


@pytest.mark.parametrize("activation", [None, "sigmoid"])
@pytest.mark.parametrize("name", ["binary_crossentropy", "bce", "binary_focal_crossentropy"])
def test_so_are_losses_of_yes_and_no(keras, name, activation):
    assert losses_for(ending_in(keras, 1, activation), name).get_config()["from_logits"] is (activation is None)


def test_each_output_has_its_own_loss_told_of_its_own_end(keras):
    losses = losses_for(two_heads(keras), {"angle": "mse", "kind": "sparse_categorical_crossentropy"})
    assert {name: type(loss).__name__ for name, loss in losses.items()} == {
        "angle": "MeanSquaredError",
        "kind": "SparseCategoricalCrossentropy",
    }
    assert losses["kind"].get_config()["from_logits"] is False
    assert named_losses(two_heads(keras), "mae") == {"angle": "mae", "kind": "mae"}


def test_a_loss_for_an_output_that_is_not_there_is_refused(keras):
    with pytest.raises(StepError) as error:
        losses_for(two_heads(keras), {"angel": "mse"})
    assert (
        str(error.value) == "there is a loss for the output 'angel', and the model has angle, kind; name one of these"
    )


def test_a_function_of_the_users_own_is_taken_as_it_is(keras, tmp_path, monkeypatch):
    (tmp_path / "own_losses.py").write_text("def doubled(truth, given):\n    return 2 * (truth - given) ** 2\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert losses_for(ending_in(keras, 1), "own_losses:doubled")(1.0, 0.0) == 2.0


SPARSE = "the loss 'sparse_categorical_crossentropy' cannot compare labels of shape "


@pytest.mark.parametrize(
    ("loss", "units", "labels", "message"),
    [
        (
            "sparse_categorical_crossentropy",
            1,
            np.array([0, 1, 1]),
            f"{SPARSE}(n) with outputs of shape (n, 1); "
            "use 'binary_crossentropy', which takes a 0 or a 1 for each output",
        ),
        (
            "sparse_categorical_crossentropy",
            1,
            np.array([0.3, 2.5]),
            f"{SPARSE}(n) with outputs of shape (n, 1); use 'mean_squared_error', or another loss for numbers",
        ),
        (
            "sparse_categorical_crossentropy",
            3,
            np.eye(3),
            f"{SPARSE}(n, 3) with outputs of shape (n, 3); use 'categorical_crossentropy', which takes one-hot labels",
        ),
        (
            "sparse_categorical_crossentropy",
            3,
            np.array([[0, 1, 1], [1, 1, 1]]),
            f"{SPARSE}(n, 3) with outputs of shape (n, 3); "
            "use 'binary_crossentropy', which takes a 0 or a 1 for each output",
        ),
        (
            "categorical_crossentropy",
            3,
            np.array([0, 2, 1]),
            "the loss 'categorical_crossentropy' cannot compare labels of shape (n) with outputs of shape (n, 3); "
            "use 'sparse_categorical_crossentropy', which takes class numbers",
        ),
        (
            "mse",
            3,
            np.zeros((4, 2)),
            "the loss 'mse' cannot compare labels of shape (n, 2) with outputs of shape (n, 3); "
            "use data that fits the model, or a model that fits the data",
        ),
    ],
)
def test_labels_that_a_loss_cannot_take_are_refused_with_the_loss_that_would(keras, loss, units, labels, message):
    with pytest.raises(DataError) as error:
        refuse_misfit(ending_in(keras, units), loss, labels)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("loss", "units", "labels"),
    [
        ("sparse_categorical_crossentropy", 3, np.array([[0], [2]])),
        ("binary_crossentropy", 1, np.array([0, 1])),
        ("mse", 1, np.zeros((4, 1))),
        ("categorical_crossentropy", 3, np.eye(3)),
        ("my.module:loss", 3, np.zeros((4, 7))),
    ],
)
def test_labels_that_fit_pass(keras, loss, units, labels):
    refuse_misfit(ending_in(keras, units), loss, labels)


def test_labels_must_be_there_for_each_output_that_has_a_loss(keras):
    labels = {"angle": np.zeros(3), "sort": np.zeros(3)}
    refuse_misfit(two_heads(keras), {"angle": "mse"}, labels)
    with pytest.raises(DataError) as error:
        refuse_misfit(two_heads(keras), "mse", labels)
    assert str(error.value) == (
        "the output 'kind' has a loss, and the data has labels for angle, sort; "
        "call the labels as the outputs are called, or give 'loss' for some outputs only"
    )
