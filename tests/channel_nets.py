"""Small nets whose channels meet, stand side by side, are repeated and scaled, for steps that change their number."""

import numpy as np


def built(tensorflow, inputs, outputs):
    """A model with every weight drawn, and variances that are none."""
    import tf_keras

    model = tf_keras.Model(inputs, outputs)
    generator = np.random.default_rng(0)
    for variable in model.weights:
        drawn = generator.normal(0, 0.5, variable.shape)
        variable.assign(np.abs(drawn) + 0.1 if "variance" in variable.name else drawn)
    return model


def residual(layers, x):
    x = layers.Conv2D(6, 3, padding="same", activation="relu", name="stem")(x)
    y = layers.BatchNormalization()(layers.Conv2D(6, 3, padding="same", use_bias=False, name="branch")(x))
    x = layers.ReLU()(layers.Add()([x, y]))
    return layers.Flatten()(layers.MaxPooling2D()(layers.Dropout(0.5)(x)))


def concatenated(layers, x):
    one = layers.Conv2D(3, 1, activation="relu", name="one")(x)
    two = layers.Conv2D(5, 3, padding="same", activation="relu", name="two")(x)
    both = layers.Concatenate()([one, two, one])
    both = layers.Conv2D(4, 1, activation="relu", name="three")(layers.ZeroPadding2D()(both))
    return layers.GlobalAveragePooling2D()(both)


def depthwise(layers, x):
    x = layers.Conv2D(5, 3, name="stem")(x)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, name="deep")(x)
    x = layers.PReLU(shared_axes=[1, 2])(layers.BatchNormalization(scale=False)(x))
    x = layers.SeparableConv2D(6, 2, depth_multiplier=2, activation="relu", name="separable")(x)
    return layers.Flatten()(layers.Conv2DTranspose(3, 2, activation="relu", name="transposed")(x))


def squeezed(layers, x):
    x = layers.Conv2D(6, 3, activation="relu", name="stem")(x)
    scale = layers.Dense(4, activation="relu", name="squeeze")(layers.GlobalAveragePooling2D()(x))
    scale = layers.Dense(6, activation="sigmoid", name="excite")(scale)
    x = layers.Multiply()([x, layers.Reshape((1, 1, 6))(scale)])
    return layers.Dense(7, activation="relu", name="after")(layers.Reshape((-1, 12))(x))


def shared(layers, x):
    once = layers.Conv2D(4, 3, padding="same", activation="relu", name="stem")(x)
    again = layers.Conv2D(4, 3, padding="same", activation="relu", name="shared")
    return layers.Flatten()(again(again(once)))


ARCHITECTURES = [residual, concatenated, depthwise, squeezed, shared]
