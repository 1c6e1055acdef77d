"""Adam that updates variables of one shape by one function, beside Keras' own."""

import numpy as np
import pytest

from compressor.training.adam import with_shared_updates

pytestmark = pytest.mark.usefixtures("tensorflow")


def steps(optimizer, eagerly):
    """Embeddings, whose gradients are sparse, and layers of equal and of other shapes after ten steps."""
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    layers = tf_keras.layers
    model = tf_keras.Sequential(
        [
            layers.Input((3,), dtype="int32"),
            layers.Embedding(7, 8),
            *[layers.Dense(8, activation="tanh", name=f"dense_{number}") for number in range(3)],
            layers.Flatten(),
            layers.Dense(2, name="last"),
        ]
    )
    model.compile(optimizer, "mse", run_eagerly=eagerly)
    draw = np.random.default_rng(0)
    model.fit(draw.integers(0, 7, (40, 3)), draw.normal(size=(40, 2)), batch_size=4, shuffle=False, verbose=0)
    return model.get_weights(), model


@pytest.mark.parametrize("eagerly", [False, True])
@pytest.mark.parametrize("weight_decay", [None, 0.01])
def test_it_gives_the_weights_that_keras_own_gives(eagerly, weight_decay):
    import tf_keras

    adam = tf_keras.optimizers.Adam
    rate = tf_keras.optimizers.schedules.CosineDecay(0.01, 10)
    own, _ = steps(with_shared_updates(adam(learning_rate=rate, weight_decay=weight_decay)), eagerly)
    keras, _ = steps(adam(learning_rate=rate, weight_decay=weight_decay), eagerly)
    for one, other in zip(own, keras, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_step_is_traced_in_far_fewer_operations(tensorflow):
    import tf_keras

    def operations(optimizer):
        variables = [tensorflow.Variable(tensorflow.ones([3])) for _ in range(20)]
        optimizer.build(variables)

        @tensorflow.function
        def step():
            optimizer.apply_gradients([(tensorflow.ones([3]), variable) for variable in variables])

        return len(step.get_concrete_function().graph.get_operations())

    assert operations(with_shared_updates(tf_keras.optimizers.Adam())) < operations(tf_keras.optimizers.Adam()) / 3


def test_a_file_that_holds_it_names_keras_own_class(tmp_path):
    import tf_keras

    _, model = steps(with_shared_updates(tf_keras.optimizers.Adam()), eagerly=False)
    model.save(tmp_path / "model.keras")
    loaded = tf_keras.models.load_model(tmp_path / "model.keras").optimizer
    assert type(loaded) is tf_keras.optimizers.Adam
    for one, other in zip(model.optimizer.variables, loaded.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
