"""Many optimizer steps in one call of TensorFlow: the same weights, and callbacks that are called when they ask."""

from dataclasses import replace

import numpy as np
import pytest

from compressor.contracts.kept_structure import groups_of, keeping
from compressor.contracts.observer import Observer
from compressor.recipe.training_params import TrainingParams
from compressor.training import executions
from compressor.training.trainer import Trainer
from compressor_plugins.prune.callback import pruning
from compressor_plugins.prune.goals import goals_for
from compressor_plugins.prune.params import PruneParams
from compressor_plugins.prune.schedule import Curve
from compressor_plugins.shared.kernels import Target

STEPS = 60  # of an epoch


@pytest.fixture
def few(digits):
    return replace(digits, train=digits.train.take(10 * STEPS), validation=digits.validation.take(50))


def net():
    import tf_keras

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)
    return tf_keras.Sequential(
        [
            tf_keras.layers.InputLayer((28, 28)),
            tf_keras.layers.Flatten(),
            tf_keras.layers.Dense(16, activation="relu"),
            tf_keras.layers.Dropout(0.2, seed=1),
            tf_keras.layers.BatchNormalization(),
            tf_keras.layers.Dense(10),
        ]
    )


def trained(few, model, callbacks, epochs=2):
    params = TrainingParams(epochs=epochs, batch_size=10, learning_rate=0.01, decay="cosine")
    Trainer("t", few, 0, Observer(), [], smoke=False).fit(model, params, callbacks, 0)
    return model.get_weights()


def counting(**members):
    """A callback that keeps the numbers of the steps after which it is called."""
    import tf_keras

    class Counting(tf_keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.batches = []

        def on_train_batch_end(self, batch, logs=None):
            self.batches.append(batch)

    return type("Counting", (Counting,), members)()


def test_many_steps_at_once_give_the_weights_that_single_steps_give(tensorflow, few, monkeypatch):
    seen = counting(steps_until_call=lambda self: 1000)
    together = trained(few, net(), [seen])
    assert len(seen.batches) < 2 * STEPS
    monkeypatch.setattr(executions, "_gives_tensors", lambda step: False)
    seen = counting(steps_until_call=lambda self: 1000)
    single = trained(few, net(), [seen])
    assert seen.batches == [*range(STEPS), *range(STEPS)]
    for one, many in zip(single, together, strict=True):
        np.testing.assert_array_equal(one, many)


def test_a_training_of_few_steps_leaves_its_graph_as_it_was_traced(tensorflow, few, monkeypatch):
    """Rewriting it would take longer than the steps, and the process has its own settings back afterwards."""
    options = tensorflow.config.optimizer.get_experimental_options
    before, rewritten = options(), []
    for most, expected in [(0, True), (1000, False)]:
        monkeypatch.setattr(executions, "_STEPS_PER_OPERATION", most)
        seen = counting(
            steps_until_call=lambda self: 1000,
            on_epoch_end=lambda self, *_: rewritten.append(not options().get("disable_meta_optimizer")),
        )
        trained(few, net(), [seen], epochs=1)
        assert rewritten.pop() == expected
        assert options() == before


@pytest.mark.parametrize("seconds", [1e-9, 0.005, 60])
def test_pruned_and_clustered_kernels_do_not_depend_on_how_fast_the_machine_is(tensorflow, few, monkeypatch, seconds):
    def result():
        model = net()
        first, last = model.layers[1], model.layers[-1]
        last.kernel.assign(np.round(last.kernel.numpy(), 1))
        target = Target(first, [first.kernel])
        goals = goals_for([target], PruneParams(final_sparsity=0.7, epochs=2))
        steps = pruning(goals, Curve(0.1, 3, 90), keeps_zeros=False)
        weights = trained(few, model, [steps, keeping([groups_of(last.kernel)])])
        return weights, len(np.unique(weights[-2]))

    expected, groups = result()
    assert (expected[0] == 0).mean() == pytest.approx(0.7, abs=1e-3)
    monkeypatch.setattr(executions, "_CALL_SECONDS", seconds)
    found, found_groups = result()
    assert found_groups == groups
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_callback_is_called_when_it_asks_to_be(tensorflow, few, monkeypatch):
    monkeypatch.setattr(executions, "_CALL_SECONDS", 60)
    monkeypatch.setattr(executions, "_STEPS_PER_OPERATION", 0)
    plain = counting()
    trained(few, net(), [plain], epochs=1)
    assert plain.batches == list(range(STEPS))
    every_seven = counting(steps_until_call=lambda self: 7 - (self.batches[-1] + 1 if self.batches else 0) % 7)
    trained(few, net(), [every_seven], epochs=1)
    assert set(range(6, STEPS, 7)) <= set(every_seven.batches)
    assert len(every_seven.batches) <= 2 + STEPS // 7 + 1


def test_operations_of_callbacks_are_part_of_every_step(tensorflow, few, monkeypatch):
    """Also where the step is Keras' own no longer, and where operations run one by one."""
    monkeypatch.setattr(executions, "_CALL_SECONDS", 60)
    monkeypatch.setattr(executions, "_STEPS_PER_OPERATION", 0)
    for eagerly in (False, True):
        before, after = tensorflow.Variable(0), tensorflow.Variable(0)
        called = counting(
            steps_until_call=lambda self: 1000,
            before_step=lambda self, count=before: count.assign_add(1),
            after_step=lambda self, count=after: count.assign_add(1),
        )
        monkeypatch.setattr(Trainer, "eagerly", eagerly)
        model = net()
        trained(few, model, [called], epochs=1)
        assert (before.numpy(), after.numpy()) == (STEPS, STEPS)
        assert "train_step" not in vars(model)


def test_steps_one_by_one_have_the_operations_too(tensorflow, few):
    count = tensorflow.Variable(0)
    called = counting(after_step=lambda self: count.assign_add(1))
    callbacks = executions.one_by_one([called])
    assert len(callbacks) == 2
    model = net()
    model.compile("sgd", "mse")
    model.fit(np.ones((8, 28, 28)), np.ones((8, 10)), batch_size=2, verbose=0, callbacks=callbacks)
    assert count.numpy() == 4
    assert executions.one_by_one([counting()])[0].batches == []


def test_a_model_whose_class_makes_its_own_train_function_is_trained_by_it(tensorflow, few, monkeypatch):
    import tf_keras

    monkeypatch.setattr(executions, "_STEPS_PER_OPERATION", 0)
    calls = []

    class Own(tf_keras.Sequential):
        def make_train_function(self, force=False):
            def train(iterator):
                calls.append(1)
                return self.train_step(next(iterator))

            return train

    trained(few, Own([tf_keras.Input((28, 28)), *net().layers]), [], epochs=1)
    assert len(calls) == STEPS


def test_a_step_that_returns_more_than_numbers_is_made_too(tensorflow, few, monkeypatch):
    import tf_keras

    monkeypatch.setattr(executions, "_STEPS_PER_OPERATION", 0)

    class Telling(tf_keras.Sequential):
        def train_step(self, data):
            return super().train_step(data) | {"labels": data[1], "ragged": tensorflow.ragged.stack([data[1]])}

    seen = counting(steps_until_call=lambda self: 1000)
    model = Telling(net().layers)
    model.compile("sgd", "sparse_categorical_crossentropy")
    with executions.many_at_once(model, [seen], STEPS) as callbacks:
        model.fit(few.train.training_batches(10, 0, 0, 1), steps_per_epoch=STEPS, verbose=0, callbacks=callbacks)
    assert seen.batches == list(range(STEPS))
