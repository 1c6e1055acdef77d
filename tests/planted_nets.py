"""Small nets of several kinds, each with one bad layer planted in it: a channel scaled by 1,000.

The next layer scales that channel down again, so that the float model computes what it did before.
"""

import numpy as np

FACTOR = 1_000


def _scaled(model, layer, next_layer, channel=0):
    """Scale the output channel of a layer up, and what the next layer does with it down."""
    kernel, *bias = model.get_layer(layer).get_weights()
    kernel[..., channel] *= FACTOR
    model.get_layer(layer).set_weights([kernel, *(values * _only(channel, len(values)) for values in bias)])
    kernel, *bias = model.get_layer(next_layer).get_weights()
    kernel[..., channel, :] /= FACTOR
    model.get_layer(next_layer).set_weights([kernel, *bias])
    return model


def _only(channel, count):
    factors = np.ones(count, np.float32)
    factors[channel] = FACTOR
    return factors


def plain():
    from tf_keras import Sequential, layers

    parts = [
        layers.Conv2D(8, 3, padding="same", activation="relu", name="first"),
        layers.Conv2D(12, 3, padding="same", activation="relu", name="bad"),
        layers.MaxPooling2D(name="pool"),
        layers.Conv2D(12, 3, padding="same", activation="relu", name="third"),
        layers.Flatten(name="flatten"),
        layers.Dense(5, name="head"),
    ]
    return _scaled(Sequential([layers.InputLayer((10, 10, 3)), *parts]), "bad", "third")


def separable():
    from tf_keras import Sequential, layers

    drawn = {"depthwise_initializer": "he_normal"}
    parts = [
        layers.Conv2D(8, 3, padding="same", activation="relu", name="stem"),
        layers.DepthwiseConv2D(3, padding="same", activation="relu", name="depthwise_1", **drawn),
        layers.Conv2D(16, 1, activation="relu", name="bad", kernel_initializer="he_normal"),
        layers.DepthwiseConv2D(3, padding="same", activation="relu", name="depthwise_2", **drawn),
        layers.Conv2D(16, 1, activation="relu", name="pointwise_2"),
        layers.GlobalAveragePooling2D(name="pool"),
        layers.Dense(5, name="head"),
    ]
    return _scaled(Sequential([layers.InputLayer((10, 10, 3)), *parts]), "bad", "depthwise_2")


def residual():
    from tf_keras import Input, Model, layers

    start = Input((10, 10, 3), name="image")
    stem = layers.Conv2D(12, 3, padding="same", activation="relu", name="stem")(start)
    inner = layers.Conv2D(12, 3, padding="same", activation="relu", name="bad")(stem)
    inner = layers.Conv2D(12, 3, padding="same", name="second")(inner)
    joined = layers.ReLU(name="relu")(layers.Add(name="add")([stem, inner]))
    inner = layers.Conv2D(12, 3, padding="same", activation="relu", name="third")(joined)
    joined = layers.Add(name="add_2")([joined, inner])
    pooled = layers.GlobalAveragePooling2D(name="pool")(joined)
    return _scaled(Model(start, layers.Dense(5, name="head")(pooled)), "bad", "second")


def autoencoder():
    from tf_keras import Sequential, layers

    parts = [
        layers.Dense(24, activation="relu", name="encoder_1"),
        layers.Dense(12, activation="relu", name="encoder_2"),
        layers.Dense(24, activation="relu", name="bad"),
        layers.Dense(40, name="decoder_2"),
    ]
    return _scaled(Sequential([layers.InputLayer((40,)), *parts]), "bad", "decoder_2")


def sequence():
    from tf_keras import Sequential, layers

    parts = [
        layers.Conv1D(12, 3, padding="causal", activation="relu", name="first"),
        layers.Conv1D(12, 3, padding="same", activation="relu", name="bad"),
        layers.Conv1D(12, 3, padding="same", dilation_rate=2, activation="relu", name="third"),
        layers.GlobalAveragePooling1D(name="pool"),
        layers.Dense(5, name="head"),
    ]
    return _scaled(Sequential([layers.InputLayer((24, 4)), *parts]), "bad", "third")


def attention():
    from tf_keras import Input, Model, layers

    start = Input((12, 16), name="tokens")
    seen = layers.MultiHeadAttention(2, 8, name="attention")(start, start)
    normal = layers.LayerNormalization(name="norm_1")(layers.Add(name="add_1")([start, seen]))
    inner = layers.Dense(32, activation="relu", name="bad")(normal)
    inner = layers.Dense(16, name="second")(inner)
    normal = layers.LayerNormalization(name="norm_2")(layers.Add(name="add_2")([normal, inner]))
    pooled = layers.GlobalAveragePooling1D(name="pool")(normal)
    return _scaled(Model(start, layers.Dense(5, name="head")(pooled)), "bad", "second")


def summed():
    """The bad channel passes through a sum, which two layers give and one takes."""
    from tf_keras import Input, Model, layers

    start = Input((10, 10, 3), name="image")
    one = layers.Conv2D(12, 3, padding="same", activation="relu", name="one")(start)
    two = layers.Conv2D(12, 3, padding="same", activation="relu", name="two")(start)
    both = layers.Add(name="sum")([one, two])
    third = layers.Conv2D(12, 3, padding="same", activation="relu", name="third")(both)
    pooled = layers.GlobalAveragePooling2D(name="pool")(third)
    model = Model(start, layers.Dense(5, name="head")(pooled))
    _scaled(model, "one", "third")
    kernel, bias = model.get_layer("two").get_weights()
    kernel[..., 0] *= FACTOR
    model.get_layer("two").set_weights([kernel, bias * _only(0, len(bias))])
    return model


NETS = {net.__name__: net for net in (plain, separable, residual, autoencoder, sequence, attention)}


def built(name):
    """The net of that name, always with the same weights."""
    import tf_keras

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)
    return globals()[name]()


def samples(model, count=64):
    """Random inputs of shape (count, ...)."""
    shape = model.inputs[0].shape[1:]
    return np.random.default_rng(1).normal(size=(count, *shape)).astype(np.float32)
