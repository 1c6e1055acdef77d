"""A training that was cut and goes on gives the callbacks of a strategy what they knew, or begins anew and says so."""

import random
from dataclasses import replace

import numpy as np
import pytest
from cut_trainings import CutError, Memory

from compressor.base.errors import StepError
from compressor.contracts.observer import Observer
from compressor.recipe.training_params import TrainingParams
from compressor.training.callback_state import refuse_foreign
from compressor.training.trainer import Trainer

EPOCHS = 4


class Told(Observer):
    def __init__(self):
        self.warnings, self.resumed = [], []

    def warned(self, text):
        self.warnings.append(text)

    def training_resumed(self, step_id, epoch):
        self.resumed.append(epoch)


def net():
    import tf_keras
    from tf_keras import layers

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)
    return tf_keras.Sequential([layers.InputLayer((28, 28)), layers.Flatten(), layers.Dense(10)])


def trained(digits, callbacks, checkpoints=None, observer=None):
    model = net()
    data = replace(digits, train=digits.train.take(600), validation=digits.validation.take(100))
    trainer = Trainer("thin", data, 0, observer or Observer(), [], smoke=False, checkpoints=checkpoints)
    trainer.fit(model, TrainingParams(epochs=EPOCHS, batch_size=200, learning_rate=0.01), callbacks, 0)
    return model.get_weights()


def thinning(**members):
    """Gradual pruning to 80 %, by a count of optimizer steps in Python."""
    import tf_keras

    class Thinning(tf_keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.steps = 0

        def on_train_batch_end(self, batch, logs=None):
            self.steps += 1
            kernel = self.model.layers[-1].kernel
            values = kernel.numpy()
            share = 0.8 * self.steps / (3 * EPOCHS)
            values[np.abs(values) < np.quantile(np.abs(values), share)] = 0
            kernel.assign(values)

    return type("Thinning", (Thinning,), members)()


PROTOCOL = {
    "get_state": lambda self: {"steps": self.steps},
    "set_state": lambda self, state: setattr(self, "steps", state["steps"]),
}


def zeros(weights):
    return np.mean(weights[0] == 0)


@pytest.mark.parametrize("cut", [1, 3, 4])
def test_a_callback_that_counts_goes_on_counting(tensorflow, digits, cut):
    whole = trained(digits, [thinning(**PROTOCOL)])
    memory, told = Memory(die_after=cut), Told()
    with pytest.raises(CutError):
        trained(digits, [thinning(**PROTOCOL)], memory)
    memory.die_after = None
    again = trained(digits, [thinning(**PROTOCOL)], memory, told)
    assert zeros(again) == pytest.approx(0.8, abs=0.001)
    for one, two in zip(whole, again, strict=True):
        np.testing.assert_array_equal(one, two)
    assert (told.resumed, told.warnings) == ([cut] if cut < EPOCHS else [], [])


def test_a_callback_that_does_not_say_what_it_keeps_begins_anew_and_is_named(tensorflow, digits):
    whole = trained(digits, [thinning()])
    memory, told = Memory(die_after=3), Told()
    with pytest.raises(CutError):
        trained(digits, [thinning()], memory)
    memory.die_after = None
    again = trained(digits, [thinning()], memory, told)
    assert zeros(again) == pytest.approx(0.8, abs=0.001)
    for one, two in zip(whole, again, strict=True):
        np.testing.assert_array_equal(one, two)
    assert told.resumed == []
    assert told.warnings == [
        "'thin' trains from the start again, though 3 of its epochs were done: the callback Thinning of its strategy "
        "has no 'get_state' and 'set_state', so that nobody knows what it counted"
    ]


def test_a_callback_that_is_declared_stateless_is_resumed(tensorflow, digits):
    import tf_keras

    nothing = type("Nothing", (tf_keras.callbacks.Callback,), {"stateless": True})
    memory, told = Memory(die_after=2), Told()
    with pytest.raises(CutError):
        trained(digits, [nothing()], memory)
    memory.die_after = None
    trained(digits, [nothing()], memory, told)
    assert (told.resumed, told.warnings) == ([2], [])


def plateau():
    from tf_keras.callbacks import ReduceLROnPlateau

    return ReduceLROnPlateau(monitor="val_loss", factor=0.3, patience=1, min_delta=10)


def stopping():
    from tf_keras.callbacks import EarlyStopping

    return EarlyStopping(monitor="loss", mode="max", patience=2, restore_best_weights=True)


def scheduler():
    from tf_keras.callbacks import LearningRateScheduler

    return LearningRateScheduler(lambda epoch, rate: rate * 0.5)


@pytest.mark.parametrize("make", [plateau, stopping, scheduler])
@pytest.mark.parametrize("cut", [2, 3, 4])
def test_callbacks_of_keras_go_on_as_if_nothing_had_been(tensorflow, digits, make, cut):
    whole = trained(digits, [make()])
    memory, told = Memory(die_after=cut), Told()
    try:
        trained(digits, [make()], memory)
    except CutError:
        memory.die_after = None
    for one, two in zip(whole, trained(digits, [make()], memory, told), strict=True):
        np.testing.assert_array_equal(one, two)
    assert told.warnings == []


def test_random_numbers_that_a_callback_draws_go_on(tensorflow, digits):
    import tf_keras

    class Noisy(tf_keras.callbacks.Callback):
        stateless = True

        def on_train_batch_end(self, batch, logs=None):
            bias = self.model.layers[-1].bias
            bias.assign_add(np.random.normal(0, 0.1, bias.shape) + random.gauss(0, 0.1))

    whole = trained(digits, [Noisy()])
    memory = Memory(die_after=2)
    with pytest.raises(CutError):
        trained(digits, [Noisy()], memory)
    memory.die_after = None
    for one, two in zip(whole, trained(digits, [Noisy()], memory), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_state_may_hold_arrays_in_lists_and_mappings(tensorflow, digits):
    import tf_keras

    given, got = {"a": [np.arange(3), (1, None)], "b": {"c": np.float32(0.1), "array": True}, "d": float("inf")}, []

    class Keeping(tf_keras.callbacks.Callback):
        def get_state(self):
            return given

        def set_state(self, state):
            got.append(state)

    memory = Memory(die_after=1)
    with pytest.raises(CutError):
        trained(digits, [Keeping()], memory)
    memory.die_after = None
    trained(digits, [Keeping()], memory)
    (state,) = got
    np.testing.assert_array_equal(state["a"].pop(0), np.arange(3))
    assert state == {"a": [[1, None]], "b": {"c": np.float32(0.1), "array": True}, "d": float("inf")}


@pytest.mark.parametrize(
    ("state", "what"),
    [
        ({"seen": {1, 2}}, "set"),
        ({1: 2}, "the key 1"),
        ([np.array([object()])], "an array of objects"),
    ],
)
def test_a_state_that_no_file_can_hold_is_refused(tensorflow, digits, state, what):
    with pytest.raises(StepError) as error:
        trained(digits, [thinning(get_state=lambda self: state, set_state=lambda self, state: None)], Memory())
    assert str(error.value) == (
        f"the callback Thinning returned {what} from 'get_state'; make its state of None, numbers, text, NumPy arrays, "
        "lists, and mappings with text as keys"
    )


def test_a_callback_of_keras_3_is_told_as_such(tensorflow):
    import keras
    import tf_keras

    class Counting(keras.callbacks.Callback):
        """Of Keras 3, as `tf.keras` is unless TensorFlow is told otherwise."""

    with pytest.raises(StepError) as caught:
        refuse_foreign([tf_keras.callbacks.History(), Counting()])
    assert str(caught.value) == (
        "the callback Counting is not one of tf_keras; derive it from tf_keras.callbacks.Callback; tf.keras is Keras 3"
    )
