"""The class that a file chose for each sample: from probabilities, logits and a sigmoid, and where there is none."""

import numpy as np
import pytest

from compressor.measure.decisions import DecisionsSoFar

CHANCES = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]], np.float32)
LABELS = np.array([0, 1])


def decided(outputs, labels, ends_in, output=None):
    names = outputs if isinstance(outputs, dict) else {"y": outputs}
    gathered = DecisionsSoFar(output, dict.fromkeys(names, ends_in))
    for part in (slice(0, 1), slice(1, None)):
        gathered.add({name: values[part] for name, values in names.items()}, {"y": labels[part]})
    return gathered.joined()


@pytest.mark.parametrize("labels", [LABELS, LABELS[:, None], LABELS.astype(np.float32), np.eye(3)[LABELS]])
def test_the_likeliest_class_is_chosen_with_its_probability_and_that_of_the_label(labels):
    found = decided(CHANCES, labels, "softmax")
    assert found.labels.tolist() == [0, 1]
    assert found.chosen.tolist() == [0, 2]
    assert found.certainty.tolist() == pytest.approx([0.7, 0.6])
    assert found.of_label.tolist() == pytest.approx([0.7, 0.3])
    assert found.right.tolist() == [True, False]
    assert found.classes == 3


def test_logits_become_probabilities_however_large_they_are():
    found = decided(np.log(CHANCES) + np.float32(300), LABELS, "linear")
    assert found.certainty.tolist() == pytest.approx([0.7, 0.6], rel=1e-3)


def test_a_sigmoid_says_yes_or_no():
    found = decided(np.array([[0.9], [0.4]], np.float32), np.array([1, 1]), "sigmoid")
    assert (found.chosen.tolist(), found.classes) == ([1, 0], 2)
    assert found.certainty.tolist() == pytest.approx([0.9, 0.6])
    assert found.of_label.tolist() == pytest.approx([0.9, 0.4])


@pytest.mark.parametrize(
    ("outputs", "labels", "ends_in"),
    [
        (CHANCES, np.array([0.5, 1.2]), "softmax"),
        (CHANCES, np.array([0, 3]), "softmax"),
        (CHANCES, np.array([0, -1]), "softmax"),
        (CHANCES, LABELS, "sigmoid"),
        (np.zeros((2, 4, 4, 3), np.float32), np.zeros((2, 4, 4), int), "softmax"),
        (np.zeros((2, 1), np.float32), np.array([1.5, 2.0]), "linear"),
        (np.zeros((2, 1_001), np.float32), LABELS, "softmax"),
    ],
    ids=["numbers", "too large", "negative", "several at once", "segmentation", "regression", "very many"],
)
def test_outputs_and_labels_without_one_class_a_sample_give_no_decisions(outputs, labels, ends_in):
    assert decided(outputs, labels, ends_in) is None


def test_of_several_outputs_it_is_the_one_that_the_metric_names():
    outputs = {"x": CHANCES[:, ::-1], "y": CHANCES}
    assert decided(outputs, LABELS, "softmax", "y").chosen.tolist() == [0, 2]
    assert decided(outputs, LABELS, "softmax", "x") is None
    assert decided(outputs, LABELS, "softmax") is None
