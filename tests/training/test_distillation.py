"""A training with a teacher minimises what the papers say, on the batch that the student sees, and leaves no trace."""

from dataclasses import replace

import numpy as np
import pytest
from cut_trainings import CutError, Memory

from compressor.base.errors import StepError
from compressor.contracts.observer import Observer
from compressor.recipe.training_params import Teacher, TrainingParams
from compressor.training.trainer import Trainer


def dense(units=10, activation=None, seed=0, hidden=8, dropout=0.0, names=("hidden", "out"), inputs=(28, 28)):
    import tf_keras
    from tf_keras import layers

    tf_keras.utils.set_random_seed(seed)
    return tf_keras.Sequential(
        [
            layers.InputLayer(inputs),
            layers.Flatten(name="flatten"),
            layers.Dense(hidden, activation="relu", name=names[0]),
            layers.Dropout(dropout, name="dropout"),
            layers.Dense(units, activation=activation, name=names[1]),
        ]
    )


def train(data, student, teacher, checkpoints=None, told=None, **params):
    told = Teacher(**{"source": "baseline", **(told or {})})
    params = TrainingParams(**{"epochs": 1, "batch_size": 50, "teacher": told, **params})
    trainer = Trainer("t", data, 0, Observer(), [], smoke=False, checkpoints=checkpoints, teacher=teacher)
    trainer.fit(student, params, [], 0)
    return student


@pytest.fixture
def few(digits):
    return replace(digits, train=digits.train.take(200), validation=digits.validation.take(50))


def first_step(data, student, teacher, loss="sparse_categorical_crossentropy", **told):
    """The gradients of the first step, from what plain SGD changes: momentum does not act yet but as Nesterov's."""
    before = [weights.copy() for weights in student.get_weights()]
    one = replace(data, train=data.train.take(50))
    train(one, student, teacher, told=told, loss=loss, optimizer="sgd", learning_rate=0.1)
    return [(old - new) / (0.1 * 1.9) for old, new in zip(before, student.get_weights(), strict=True)]


def by_hand(student, teacher, data, loss):
    import tensorflow as tf

    (features, labels), *_ = data.train.take(50).training_batches(50, 0, 0, 1)
    with tf.GradientTape() as tape:
        value = loss(student(features, training=True), teacher(features), labels)
    return [gradient.numpy() for gradient in tape.gradient(value, student.trainable_variables)]


def divergence(temperature, share):
    import tensorflow as tf

    def loss(ours, theirs, labels):
        soft = tf.nn.softmax(theirs / temperature)
        apart = tf.reduce_sum(soft * tf.math.log(soft / tf.nn.softmax(ours / temperature)), -1)
        hard = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(labels, tf.int64), ours)
        return (1 - share) * tf.reduce_mean(hard) + share * temperature**2 * tf.reduce_mean(apart)

    return loss


def test_the_loss_is_hintons_on_logits(tensorflow, few):
    teacher = dense(seed=1)
    wanted = by_hand(dense(), teacher, few, divergence(3.0, 0.6))
    found = first_step(few, dense(), teacher, temperature=3.0, soft_share=0.6)
    for one, two in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, two, atol=2e-6)


@pytest.mark.parametrize("softmax", ["student", "teacher", "both"])
def test_probabilities_count_as_their_logits(tensorflow, few, softmax):
    def build(who, seed):
        return dense(seed=seed, activation="softmax" if softmax in (who, "both") else None)

    wanted = first_step(few, dense(), dense(seed=1), temperature=2.0, soft_share=0.5)
    found = first_step(few, build("student", 0), build("teacher", 1), temperature=2.0, soft_share=0.5)
    for one, two in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, two, atol=2e-6)


def test_what_ends_in_sigmoids_is_compared_yes_or_no(tensorflow, few):
    import tensorflow as tf

    def loss(ours, theirs, labels):
        wanted = tf.sigmoid(theirs / 2)
        soft = tf.nn.sigmoid_cross_entropy_with_logits(wanted, ours / 2)
        hard = tf.nn.sigmoid_cross_entropy_with_logits(labels, ours)
        return 0.5 * tf.reduce_mean(hard) + 0.5 * 4 * tf.reduce_mean(soft)

    few = labelled(few, lambda labels: (labels[:, None] == np.arange(3)).astype("float32"))
    wanted = by_hand(dense(3), dense(3, seed=1), few, loss)
    sure = dense(3, activation="sigmoid"), dense(3, seed=1, activation="sigmoid")
    told = {"temperature": 2.0, "soft_share": 0.5}
    found = first_step(few, *sure, loss="binary_crossentropy", **told)
    for one, two in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, two, atol=2e-6)


def test_numbers_are_compared_by_their_squared_difference(tensorflow, few):
    import tensorflow as tf

    def loss(ours, theirs, labels):
        return 0.3 * tf.reduce_mean((ours - labels) ** 2) + 0.7 * tf.reduce_mean((ours - theirs) ** 2)

    few = labelled(few, lambda labels: labels[:, None].astype("float32"))
    wanted = by_hand(dense(1), dense(1, seed=1), few, loss)
    found = first_step(few, dense(1), dense(1, seed=1), loss="mean_squared_error")
    for one, two in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=2e-5)


def test_regularization_counts_in_full_whatever_the_share(tensorflow, few):
    import tf_keras

    student = tf_keras.Sequential(
        [
            tf_keras.layers.InputLayer((28, 28)),
            tf_keras.layers.Flatten(),
            tf_keras.layers.Dense(10, kernel_regularizer=tf_keras.regularizers.L2(0.1)),
        ]
    )
    student.set_weights([np.full((784, 10), 0.5, "float32"), np.zeros(10, "float32")])
    kernel, _ = first_step(few, student, tf_keras.models.clone_model(student), soft_share=1.0)
    teacher = tf_keras.models.clone_model(student)
    teacher.set_weights(student.get_weights())
    before = student.get_weights()[0]
    agreeing, _ = first_step(few, student, teacher, soft_share=1.0)
    assert kernel.shape == (784, 10)
    np.testing.assert_allclose(agreeing, 0.2 * before, atol=1e-5)  # the gradient of 0.1 * w ** 2, and nothing else


def test_the_teacher_sees_the_very_batch_that_was_augmented(tensorflow, few):
    """With the teacher alone to learn from, a student equal to it stays as it is only if both see the same."""
    from compressor.data.augment import Noise

    few = replace(few, train=replace(few.train, changes=(Noise(deviation=0.5),)))
    ((seen, _), *_) = few.train.training_batches(200, 0, 0, 1)
    assert 0.3 < np.std(np.sort(seen, 0) - np.sort(few.train.read(range(200))[0], 0)) < 0.6
    student, teacher = dense(), dense()
    before = student.get_weights()
    train(few, student, teacher, told={"soft_share": 1.0}, learning_rate=1e-2, optimizer="sgd")
    for one, two in zip(before, student.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)


def test_the_teacher_stays_as_it_is_and_drops_nothing_out(tensorflow, few):
    teacher = dense(dropout=0.9)
    before = teacher.get_weights()
    student = dense()
    train(few, student, teacher, told={"soft_share": 1.0}, optimizer="sgd", learning_rate=1e-2)
    for one, two in zip(before, teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    for one, two in zip(before, student.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)


def test_the_validation_loss_is_the_labels_alone(tensorflow, few):
    import tensorflow as tf

    logs = []

    class Listening(Observer):
        def epoch_finished(self, step_id, epoch, found):
            logs.append(dict(found))

    student = dense()
    params = TrainingParams(epochs=1, batch_size=50, teacher=Teacher(source="baseline"))
    Trainer("t", few, 0, Listening(), [], smoke=False, teacher=dense(seed=1)).fit(student, params, [], 0)
    features, labels = few.validation.read(range(50))
    hard = tf.nn.sparse_softmax_cross_entropy_with_logits(labels.astype("int64"), student(features))
    assert logs[0]["val_loss"] == pytest.approx(float(tf.reduce_mean(hard)), rel=1e-5)


def test_a_student_learns_more_from_a_teacher_than_from_labels_that_are_wrong(tensorflow, digits):
    data = replace(digits, train=digits.train.take(1000))
    teacher = train(data, dense(hidden=32), dense(), told={"soft_share": 0.0}, epochs=4, learning_rate=1e-2)
    wrong = labelled(data, lambda labels: (labels + 1) % 10, validation=False)
    student = train(wrong, dense(seed=3), teacher, told={"soft_share": 1.0}, epochs=4, learning_rate=1e-2)
    features, labels = data.test.read(range(500))
    assert (student.predict(features, verbose=0).argmax(-1) == labels).mean() > 0.7


def test_a_hint_draws_a_layer_towards_the_teachers(tensorflow, few):
    """A projection of 4 channels to 8, trained beside the student; of a loss that is nothing but the hint's."""
    teacher, student = dense(hidden=8, seed=1), dense(hidden=4)
    hints = [{"student": "hidden", "teacher": "hidden"}]
    told = {"soft_share": 1.0, "hints": hints, "hint_weight": 5.0}
    out_before, hidden_before = student.layers[-1].get_weights()[0], student.layers[1].get_weights()[0]
    gradients = first_step(few, student, teacher, **told)
    plain = first_step(few, dense(hidden=4), teacher, soft_share=1.0)
    assert [w.shape for w in student.get_weights()] == [(784, 4), (4,), (4, 10), (10,)]
    assert not np.allclose(gradients[0], plain[0], atol=1e-4)  # the hint reaches the layers below it,
    np.testing.assert_allclose(gradients[2], plain[2], atol=2e-6)  # and none above
    assert out_before.shape == (4, 10)
    assert hidden_before.shape == (784, 4)


def test_a_hint_brings_the_layers_together(tensorflow, few):
    teacher, student = dense(hidden=8, seed=1), dense(hidden=8)
    hints = [{"student": "hidden", "teacher": "hidden"}]
    features, _ = few.test.read(range(200))

    def unexplained():
        """The share of the teacher's hidden outputs that no linear map of the student's gives."""
        ours, theirs = (model.layers[1](features.reshape(200, -1)).numpy() for model in (student, teacher))
        rest = theirs - ours @ np.linalg.lstsq(ours, theirs, rcond=None)[0]
        return (rest**2).sum() / (theirs**2).sum()

    before = unexplained()
    train(few, student, teacher, told={"hints": hints, "hint_weight": 10.0}, epochs=20, learning_rate=2e-3)
    assert unexplained() < 0.75 * before


@pytest.mark.parametrize("hints", [[], [{"student": "hidden", "teacher": "hidden"}]])
def test_a_training_with_a_teacher_that_is_cut_ends_in_the_same_weights(tensorflow, few, hints):
    def weights(checkpoints):
        student = dense(dropout=0.3, hidden=4)
        how = {"epochs": 3, "decay": "cosine", "told": {"hints": hints}}
        return train(few, student, dense(seed=1), checkpoints, **how).get_weights()

    whole = weights(None)
    memory = Memory(die_after=2)
    with pytest.raises(CutError):
        weights(memory)
    memory.die_after = None
    for one, two in zip(whole, weights(memory), strict=True):
        np.testing.assert_array_equal(one, two)


def test_checkpoints_hold_nothing_of_the_teacher(tensorflow, few):
    sizes = []
    for told in (dense(hidden=2, seed=1), dense(hidden=300, seed=1)):
        memory = Memory()
        train(few, dense(), told, memory)
        sizes.append(len(memory.states[0]))
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize(
    ("teacher", "told", "message"),
    [
        (
            {"units": 7},
            {},
            "the teacher gives (n, 7), and the model that is trained gives (n, 10); "
            "name a teacher with the same outputs",
        ),
        (
            {"inputs": (28, 28, 1)},
            {},
            "the teacher takes (n, 28, 28, 1), and the model that is trained takes (n, 28, 28); "
            "name a teacher for the same data",
        ),
        (
            {},
            {"hints": [{"student": "hiden", "teacher": "hidden"}]},
            "a hint names the student's layer 'hiden'; name one of flatten, hidden, dropout, out",
        ),
        (
            {},
            {"hints": [{"student": "hidden", "teacher": "fc"}]},
            "a hint names the teacher's layer 'fc'; name one of flatten, hidden, dropout, out",
        ),
    ],
)
def test_a_teacher_that_does_not_fit_is_refused_before_training(tensorflow, few, teacher, told, message):
    with pytest.raises(StepError) as caught:
        train(few, dense(), dense(**teacher), told=told)
    assert str(caught.value) == message


def labelled(data, change, validation=True):
    """The data with other labels."""
    from compressor import ArraySplit

    def changed(split):
        features, labels = split.read(range(split.size))
        return ArraySplit(features, change(labels))

    parts = {"train": changed(data.train)} | ({"validation": changed(data.validation)} if validation else {})
    return replace(data, **parts)
