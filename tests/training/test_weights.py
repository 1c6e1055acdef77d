"""Weights of samples and of classes: each step that trains learns what the heavy samples say."""

import numpy as np
import pytest

import compressor
from compressor.base.errors import DataError
from compressor.contracts.observer import Observer
from compressor.data.prepared_splits import RunData
from compressor.recipe.training_params import TrainingParams
from compressor.training.class_weights import class_weights
from compressor.training.trainer import Trainer

FIT = {"epochs": 12, "learning_rate": 0.02, "batch_size": 32}
GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(400, 8)).astype(np.float32)
TRUTH = (X[:, 0] > 0).astype(np.int64)
LIE = GENERATOR.random(400) < 0.5  # half of the labels are wrong
Y = np.where(LIE, 1 - TRUTH, TRUTH)


def run_data_of(*arrays):
    splits = compressor.Splits(arrays, arrays)
    return RunData("mine", splits.train, splits.test, splits.test, splits.classes)


@pytest.fixture
def network(tensorflow):
    import tf_keras

    tensorflow.keras.utils.set_random_seed(1)
    layers = tf_keras.layers
    hidden = [layers.Dense(16, activation="relu", name="a"), layers.Dense(16, activation="relu", name="b")]
    return tf_keras.Sequential([tf_keras.Input((8,)), *hidden, layers.Dense(2, activation="softmax", name="out")])


def right(model):
    """The share of samples for which the model says the truth."""
    return float(np.mean(model.predict(X, verbose=0).argmax(-1) == TRUTH))


STEPS = {
    "train": {},
    "prune": {"initial_sparsity": 0.1, "final_sparsity": 0.3},
    "prune_channels": {"channels": 0.75},
    "grow_channels": {"channels": 1.5},
    "cluster": {"number_of_clusters": 24},
    "low_rank": {"energy": 0.7},
    "qat": {},
}


@pytest.mark.parametrize("uses", STEPS)
def test_a_sample_of_no_weight_teaches_nothing_in_any_step_that_trains(uses, network, step_context, registry):
    cls = registry.get("strategy", uses).cls
    weighted = run_data_of(X, Y, (~LIE).astype(np.float32))
    strategy = cls(cls.Params(**STEPS[uses], **FIT))
    assert right(strategy.apply(network, step_context(data=weighted))) > 0.93


def test_without_weights_the_same_training_learns_next_to_nothing(network, step_context, registry):
    cls = registry.get("strategy", "train").cls
    model = cls(cls.Params(**FIT)).apply(network, step_context(data=run_data_of(X, Y)))
    assert right(model) < 0.8


def test_a_teacher_teaches_nothing_on_samples_of_no_weight(tensorflow, network):
    import tf_keras

    from compressor.recipe.training_params import Teacher

    inputs = tf_keras.Input((8,))  # knows the truth where the second value is positive, and its opposite elsewhere
    signed = inputs[:, :1] * tensorflow.sign(inputs[:, 1:2]) * 10
    teacher = tf_keras.Model(inputs, tf_keras.layers.Softmax()(tf_keras.layers.Concatenate()([-signed, signed])))
    data = run_data_of(X, TRUTH, (X[:, 1] > 0).astype(np.float32))
    params = TrainingParams(**FIT, teacher=Teacher(source="t", soft_share=0.95))
    Trainer("t", data, 0, Observer(), [], smoke=False, teacher=teacher).fit(network, params, [], 0)
    assert right(network) > 0.93


def imbalanced(labels):
    """Two classes whose samples cannot be told apart, one of them four times as frequent."""
    return np.zeros((500, 8), np.float32), labels(np.repeat([0, 1], [400, 100]))


@pytest.mark.parametrize(
    ("labels", "loss", "weights"),
    [
        (lambda y: y, "sparse_categorical_crossentropy", None),
        (lambda y: y, "sparse_categorical_crossentropy", "balanced"),
        (lambda y: y[:, None], "sparse_categorical_crossentropy", {"1": 4}),
        (lambda y: np.array(["healthy", "ill"])[y], "sparse_categorical_crossentropy", {"ill": 4}),
        (lambda y: np.eye(2, dtype=np.float32)[y], "categorical_crossentropy", "balanced"),
    ],
    ids=["none", "numbers", "rows", "names", "one-hot"],
)
def test_class_weights_move_the_probabilities_as_far_as_they_say(network, labels, loss, weights):
    data = run_data_of(*imbalanced(labels))
    params = TrainingParams(epochs=60, learning_rate=0.05, batch_size=500, loss=loss, class_weight=weights)
    Trainer("t", data, 0, Observer(), [], smoke=False).fit(network, params, [], 0)
    share = 0.5 if weights else 0.2
    assert network(np.zeros((1, 8), np.float32)).numpy()[0, 1] == pytest.approx(share, abs=0.03)


def test_class_weights_multiply_with_those_of_samples_and_of_pixels(tensorflow):
    masks = np.array([[[0, 1], [1, 1]], [[0, 0], [0, 1]]])
    data = run_data_of(np.zeros((2, 2, 2, 3), np.float32), masks, np.array([1, 10]))
    weights = class_weights(TrainingParams(class_weight={"1": 3}), {"out": (2, 2, 2)}, data)
    ((_, labels, found),) = weights.weighted(data.train.evaluation_batches(2)).as_numpy_iterator()
    assert found.tolist() == [[[1, 3], [3, 3]], [[10, 10], [10, 30]]]
    balanced = class_weights(TrainingParams(class_weight="balanced"), {"out": (2, 2, 2)}, data)
    assert balanced.table.tolist() == [1.0, 1.0]
    assert labels.tolist() == masks.tolist()


@pytest.mark.parametrize(
    ("params", "outputs", "arrays", "message"),
    [
        (
            {"class_weight": {"sick": 2}},
            {"out": (2,)},
            (X[:2], np.array(["healthy", "ill"])),
            "'class_weight' names the class 'sick', which there is not; known: healthy, ill",
        ),
        (
            {"class_weight": {"2": 2}},
            {"out": (2,)},
            (X[:2], np.array([0, 1])),
            "'class_weight' names the class '2', which there is not; known: 0, 1",
        ),
        (
            {"class_weight": "balanced", "loss": "mean_squared_error"},
            {"out": (1,)},
            (X[:2], np.array([0.5, 1])),
            "'class_weight' is for classes, and 'mean_squared_error' compares labels of shape () as numbers; "
            "remove it, or give sample weights in the data",
        ),
        (
            {"class_weight": "balanced"},
            {"out": (2,), "other": (2,)},
            (X[:2], np.array([0, 1])),
            "'class_weight' is for a model with one output, and this one has 2; "
            "give sample weights by output in the data",
        ),
    ],
)
def test_class_weights_that_mean_nothing_are_refused(params, outputs, arrays, message):
    with pytest.raises(DataError) as caught:
        class_weights(TrainingParams(**params), outputs, run_data_of(*arrays))
    assert str(caught.value) == message


def test_weights_by_output_reach_their_output(tensorflow):
    import tf_keras

    inputs = tf_keras.Input((8,))
    heads = [tf_keras.layers.Dense(2, activation="softmax", name=name)(inputs) for name in ("a", "b")]
    model = tf_keras.Model(inputs, heads)
    data = run_data_of(X, {"a": Y, "b": Y}, {"a": (~LIE).astype(np.float32), "b": LIE.astype(np.float32)})
    Trainer("t", data, 0, Observer(), [], smoke=False).fit(model, TrainingParams(**FIT), [], 0)
    a, b = (float(np.mean(output.argmax(-1) == TRUTH)) for output in model.predict(X, verbose=0))
    assert (a > 0.93, b < 0.07) == (True, True)
