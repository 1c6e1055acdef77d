"""Small models of the kinds that people ship, built alike with `keras` and `tf_keras`."""

import numpy as np
from foreign_files import blocks
from foreign_models import application


def embedding(keras):
    spread = keras.initializers.RandomNormal(
        stddev=1.0
    )  # as after training, so that the outputs are no rounding errors
    return keras.layers.Embedding(50, 16, spread, name="embedding")


def lstm(keras):
    layers = keras.layers
    return keras.Sequential(
        [layers.InputLayer((12,)), embedding(keras), layers.LSTM(16, name="lstm"), layers.Dense(10)]
    )


def transformer(keras):
    layers = keras.layers
    tokens = keras.Input((12,))
    x = embedding(keras)(tokens)
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 8, name="attention")(x, x))
    hidden = layers.Dense(16)(layers.Dense(64, activation="gelu")(x))
    x = layers.LayerNormalization()(layers.Add()([x, hidden]))
    return keras.Model(tokens, layers.Dense(10)(layers.GlobalAveragePooling1D()(x)))


def u_net(keras):
    layers = keras.layers

    def block(filters, x):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        return layers.ReLU()(layers.BatchNormalization()(x))

    inputs = keras.Input((16, 16, 3))
    first = block(8, layers.Rescaling(1 / 255, name="scale")(inputs))
    second = block(16, layers.MaxPooling2D()(first))
    third = block(32, layers.MaxPooling2D()(second))
    up = block(16, layers.Concatenate()([second, layers.Conv2DTranspose(16, 2, strides=2)(third)]))
    up = block(8, layers.Concatenate()([first, layers.UpSampling2D()(up)]))
    return keras.Model(inputs, layers.Conv2D(1, 1)(up))


def autoencoder(keras):
    layers = keras.layers

    def half(name, *units):
        return keras.Sequential([layers.Dense(n, activation="relu", name=f"{name}_{n}") for n in units], name=name)

    inputs = keras.Input((64,))
    return keras.Model(inputs, layers.Dense(64)(half("decoder", 16, 32)(half("encoder", 32, 16, 8)(inputs))))


def settle(model):
    """Fit the statistics of batch normalization to what images make of them, as they are after training.

    Those of a random model fit nothing: what comes out of 100 layers in inference is a rounding error then, and what
    was observed there says nothing of a training, where each batch has statistics of its own. Fitted to blocks alone,
    or to few of them, the deepest would be far out on the noise that the bridge compares with: EfficientNetV2B0 makes a
    fifth of its outputs of a last digit there.
    """
    norms = [layer for layer in model.layers if type(layer).__name__ == "BatchNormalization"]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    shape = (64, *model.input_shape[1:])
    noise = np.random.default_rng(1).integers(0, 256, shape)
    model(np.concatenate([blocks(shape, seed=1), noise]).astype("float32"), training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


ARCHITECTURES = {
    "MobileNetV2": application("MobileNetV2", 32, alpha=0.35, classifier_activation=None),
    "EfficientNetV2B0": application("EfficientNetV2B0", 32, classifier_activation=None),
    "ResNet50": application("ResNet50", 32, classifier_activation=None),
    "DenseNet121": application("DenseNet121", 32, classifier_activation=None),
    "LSTM": lstm,
    "Transformer": transformer,
    "U-Net": u_net,
    "autoencoder": autoencoder,
}
