"""Loss and metric go by what an output ends in and by its labels."""

import numpy as np
import pytest

from compressor.models.files.inputs_and_outputs import Ends
from compressor.scaffolding.learning_choices import learning_of

CLASSES = np.array([0, 2, 1, 1])
ONE_HOT = np.eye(3)[CLASSES]
NUMBERS = np.array([[0.5, -3.0, 2.0], [1.0, 0.1, 7.5]])
YES_OR_NO = np.array([0, 1, 1, 0])
MASKS = np.zeros((2, 8, 8), int)


def chosen(output, ending, labels, taken=(7,)):
    learning = learning_of(Ends({"in": taken}, {"out": output}, endings={"out": ending}), labels)
    return learning.losses["out"][0], learning.metrics["out"][0]


@pytest.mark.parametrize(
    ("output", "ending", "labels", "loss", "metric"),
    [
        ((3,), "softmax", CLASSES, "sparse_categorical_crossentropy", "accuracy"),
        ((3,), "linear", CLASSES, "sparse_categorical_crossentropy", "accuracy"),
        ((3,), "linear", None, "sparse_categorical_crossentropy", "accuracy"),
        ((3,), "softmax", ONE_HOT, "categorical_crossentropy", "accuracy"),
        ((3,), "linear", NUMBERS, "mse", "mean_absolute_error"),
        ((1,), "linear", NUMBERS[:, 0], "mse", "mean_absolute_error"),
        ((1,), "linear", None, "mse", "mean_absolute_error"),
        ((1,), "linear", YES_OR_NO, "binary_crossentropy", "accuracy"),
        ((1,), "sigmoid", YES_OR_NO, "binary_crossentropy", "accuracy"),
        ((1,), "sigmoid", NUMBERS[0], "mse", "mean_absolute_error"),
        ((3,), "sigmoid", np.array([[0, 1, 1], [0, 0, 0]]), "binary_crossentropy", "binary_accuracy"),
        ((8, 8, 3), "softmax", MASKS, "sparse_categorical_crossentropy", "mean_iou"),
        ((8, 8, 1), "sigmoid", MASKS[..., None], "binary_crossentropy", "binary_accuracy"),
        ((8, 3), "softmax", MASKS[0], "sparse_categorical_crossentropy", "sequence_accuracy"),
    ],
)
def test_the_loss_takes_the_labels_and_the_metric_fits_the_loss(output, ending, labels, loss, metric):
    assert chosen(output, ending, labels) == (loss, metric)


def test_a_model_that_gives_back_its_inputs_learns_them_unless_the_labels_are_of_that_shape():
    ends = Ends({"in": (3,)}, {"out": (3,)}, endings={"out": "linear"})
    for labels in (None, CLASSES):
        learning = learning_of(ends, labels)
        assert learning.targets_inputs
        assert (learning.losses["out"][0], learning.metrics["out"][0]) == ("mse", "reconstruction_error")
        assert not learning.first_is_share
    assert not learning_of(ends, NUMBERS).targets_inputs
    assert not learning_of(Ends({"in": (3,)}, {"out": (3,)}, endings={"out": "softmax"}), CLASSES).targets_inputs


def test_each_of_several_outputs_has_its_own():
    ends = Ends({"in": (7,)}, {"kind": (3,), "angle": (1,)}, endings={"kind": "softmax", "angle": "linear"})
    learning = learning_of(ends, {"kind": CLASSES, "angle": NUMBERS[:, 0]})
    assert {name: loss for name, (loss, _) in learning.losses.items()} == {
        "kind": "sparse_categorical_crossentropy",
        "angle": "mse",
    }
    assert [metric for metric, _ in learning.metrics.values()] == ["accuracy", "mean_absolute_error"]
    assert learning.first_is_share
    assert not learning.is_classifier
