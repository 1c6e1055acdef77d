"""One tiny model for each layer type, built alike with `keras` (Keras 3) and with `tf_keras`.

`build("Conv2D", keras)` gives the model around it; `sample("Conv2D")` gives inputs that suit it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Shape = tuple[int, ...]
IMAGE: Shape = (8, 8, 3)
SEQUENCE: Shape = (6, 4)
VOLUME: Shape = (4, 4, 4, 2)
VECTOR: Shape = (6,)


@dataclass(frozen=True)
class Specimen:
    """`layer` makes it from a namespace's layers; it is called on inputs of `shapes`, whole numbers below `below`."""

    layer: Callable[[Any], Any]
    shapes: tuple[Shape, ...]
    below: int | None = None
    call: Callable[[Any, list[Any]], Any] | None = None


def _of(shape: Shape, **layers: Callable[[Any], Any]) -> dict[str, Specimen]:
    return {name: Specimen(layer, (shape,)) for name, layer in layers.items()}


def _of_two(shape: Shape, **layers: Callable[[Any], Any]) -> dict[str, Specimen]:
    return {name: Specimen(layer, (shape, shape)) for name, layer in layers.items()}


def _adapted(k: Any) -> Any:
    layer = k.Normalization()
    layer.adapt(np.random.default_rng(0).normal(3, 2, (64, 6)).astype("float32"))
    return layer


def _attend(layer: Any, tensors: list[Any]) -> Any:
    return layer(*tensors)


def _cells(k: Any) -> Any:
    return k.RNN(k.StackedRNNCells([k.LSTMCell(3), k.LSTMCell(2)]))


ZOO: dict[str, Specimen] = {
    **_of(
        VECTOR,
        Dense=lambda k: k.Dense(4, activation="relu"),
        EinsumDense=lambda k: k.EinsumDense("ab,bc->ac", output_shape=4, bias_axes="c"),
        BatchNormalization=lambda k: k.BatchNormalization(),
        LayerNormalization=lambda k: k.LayerNormalization(),
        UnitNormalization=lambda k: k.UnitNormalization(),
        Activation=lambda k: k.Activation("tanh"),
        ReLU=lambda k: k.ReLU(max_value=1.0, negative_slope=0.1),
        LeakyReLU=lambda k: k.LeakyReLU(0.2),
        PReLU=lambda k: k.PReLU(),
        ELU=lambda k: k.ELU(0.5),
        Softmax=lambda k: k.Softmax(),
        Identity=lambda k: k.Identity(),
        RepeatVector=lambda k: k.RepeatVector(3),
        Reshape=lambda k: k.Reshape((2, -1)),
        Dropout=lambda k: k.Dropout(0.3, seed=1),
        GaussianDropout=lambda k: k.GaussianDropout(0.3),
        GaussianNoise=lambda k: k.GaussianNoise(0.3),
        AlphaDropout=lambda k: k.AlphaDropout(0.3),
        ActivityRegularization=lambda k: k.ActivityRegularization(l2=0.1),
        Rescaling=lambda k: k.Rescaling(0.5, offset=-1.0),
        Normalization=_adapted,
        Discretization=lambda k: k.Discretization(bin_boundaries=[-1.0, 0.0, 1.0]),
    ),
    **_of(
        SEQUENCE,
        Conv1D=lambda k: k.Conv1D(4, 3, padding="causal", activation="tanh"),
        Conv1DTranspose=lambda k: k.Conv1DTranspose(4, 3, strides=2),
        DepthwiseConv1D=lambda k: k.DepthwiseConv1D(3, depth_multiplier=2),
        SeparableConv1D=lambda k: k.SeparableConv1D(5, 3),
        MaxPooling1D=lambda k: k.MaxPooling1D(),
        AveragePooling1D=lambda k: k.AveragePooling1D(2, padding="same"),
        GlobalMaxPooling1D=lambda k: k.GlobalMaxPooling1D(),
        GlobalAveragePooling1D=lambda k: k.GlobalAveragePooling1D(keepdims=True),
        ZeroPadding1D=lambda k: k.ZeroPadding1D(2),
        Cropping1D=lambda k: k.Cropping1D((1, 2)),
        UpSampling1D=lambda k: k.UpSampling1D(2),
        SpatialDropout1D=lambda k: k.SpatialDropout1D(0.3),
        Masking=lambda k: k.Masking(0.0),
        LSTM=lambda k: k.LSTM(5, return_sequences=True, recurrent_regularizer="l2"),
        GRU=lambda k: k.GRU(5),
        SimpleRNN=lambda k: k.SimpleRNN(5, go_backwards=True),
        RNN=_cells,
        Bidirectional=lambda k: k.Bidirectional(k.GRU(3, return_sequences=True), merge_mode="sum"),
        TimeDistributed=lambda k: k.TimeDistributed(k.Dense(3, activation="relu")),
    ),
    **_of(
        IMAGE,
        Conv2D=lambda k: k.Conv2D(4, 3, strides=2, padding="same", kernel_constraint="max_norm"),
        Conv2DTranspose=lambda k: k.Conv2DTranspose(4, 3, strides=2, padding="same"),
        DepthwiseConv2D=lambda k: k.DepthwiseConv2D(3, depth_multiplier=2, depthwise_regularizer="l2"),
        SeparableConv2D=lambda k: k.SeparableConv2D(5, 3, use_bias=False),
        MaxPooling2D=lambda k: k.MaxPooling2D(3, strides=2),
        AveragePooling2D=lambda k: k.AveragePooling2D(2),
        GlobalMaxPooling2D=lambda k: k.GlobalMaxPooling2D(),
        GlobalAveragePooling2D=lambda k: k.GlobalAveragePooling2D(),
        GroupNormalization=lambda k: k.GroupNormalization(groups=3),
        Flatten=lambda k: k.Flatten(),
        Permute=lambda k: k.Permute((3, 1, 2)),
        ZeroPadding2D=lambda k: k.ZeroPadding2D(((1, 2), (0, 1))),
        Cropping2D=lambda k: k.Cropping2D(((1, 2), (0, 1))),
        UpSampling2D=lambda k: k.UpSampling2D(2, interpolation="bilinear"),
        SpatialDropout2D=lambda k: k.SpatialDropout2D(0.3),
        Resizing=lambda k: k.Resizing(5, 6),
        CenterCrop=lambda k: k.CenterCrop(5, 4),
        RandomBrightness=lambda k: k.RandomBrightness(0.2),
        RandomContrast=lambda k: k.RandomContrast(0.2),
        RandomFlip=lambda k: k.RandomFlip("horizontal"),
        RandomRotation=lambda k: k.RandomRotation(0.2),
        RandomTranslation=lambda k: k.RandomTranslation(0.2, 0.1),
        RandomZoom=lambda k: k.RandomZoom(0.2),
    ),
    **_of(
        VOLUME,
        Conv3D=lambda k: k.Conv3D(3, 2, activation="elu"),
        Conv3DTranspose=lambda k: k.Conv3DTranspose(3, 2),
        MaxPooling3D=lambda k: k.MaxPooling3D(),
        AveragePooling3D=lambda k: k.AveragePooling3D(2),
        GlobalMaxPooling3D=lambda k: k.GlobalMaxPooling3D(),
        GlobalAveragePooling3D=lambda k: k.GlobalAveragePooling3D(),
        ZeroPadding3D=lambda k: k.ZeroPadding3D(1),
        Cropping3D=lambda k: k.Cropping3D(1),
        UpSampling3D=lambda k: k.UpSampling3D(2),
        SpatialDropout3D=lambda k: k.SpatialDropout3D(0.3),
        ConvLSTM2D=lambda k: k.ConvLSTM2D(3, 2, recurrent_activation="sigmoid"),
    ),
    "ConvLSTM1D": Specimen(lambda k: k.ConvLSTM1D(3, 2, recurrent_activation="sigmoid"), ((4, 6, 2),)),
    "ConvLSTM3D": Specimen(lambda k: k.ConvLSTM3D(2, 2, recurrent_activation="sigmoid"), ((2, 4, 4, 4, 2),)),
    **_of_two(
        VECTOR,
        Add=lambda k: k.Add(),
        Subtract=lambda k: k.Subtract(),
        Multiply=lambda k: k.Multiply(),
        Average=lambda k: k.Average(),
        Maximum=lambda k: k.Maximum(),
        Minimum=lambda k: k.Minimum(),
        Concatenate=lambda k: k.Concatenate(),
        Dot=lambda k: k.Dot(axes=1, normalize=True),
    ),
    **_of_two(
        SEQUENCE,
        Attention=lambda k: k.Attention(use_scale=True),
        AdditiveAttention=lambda k: k.AdditiveAttention(),
    ),
    "MultiHeadAttention": Specimen(lambda k: k.MultiHeadAttention(2, 3), (SEQUENCE, SEQUENCE), call=_attend),
    "Embedding": Specimen(lambda k: k.Embedding(9, 4), (VECTOR,), below=9),
    "CategoryEncoding": Specimen(lambda k: k.CategoryEncoding(9, output_mode="multi_hot"), (VECTOR,), below=9),
}
"""Every layer type that the bridge takes, by name; cells are within RNN's."""


def build(name: str, keras: Any) -> Any:
    """The model around a specimen, with weights that are none of them at their start, alike in both Keras."""
    specimen = ZOO[name]
    inputs = [keras.Input(shape, dtype="int32" if specimen.below else "float32") for shape in specimen.shapes]
    layer = specimen.layer(keras.layers)
    given: Any = inputs if len(inputs) > 1 else inputs[0]
    outputs = specimen.call(layer, inputs) if specimen.call else layer(given)
    model = keras.Model(inputs, outputs)
    if name != "Normalization":  # whose weights are what it saw
        scramble(model)
    return model


def scramble(model: Any, seed: int = 0) -> None:
    """Give a model weights between 0.1 and 0.6, with both signs where a matrix has them, so that none is zero."""
    generator = np.random.default_rng(seed)

    def other(weight: Any) -> Any:
        values = generator.uniform(0.1, 0.6, weight.shape)
        return (values * generator.choice([-1, 1], weight.shape) if weight.ndim > 1 else values).astype(weight.dtype)

    model.set_weights([other(weight) for weight in model.get_weights()])


def sample(name: str) -> list[Any]:
    """Inputs for a specimen's model: three samples each."""
    specimen, generator = ZOO[name], np.random.default_rng(zlib.crc32(name.encode()))
    if specimen.below:
        return [generator.integers(0, specimen.below, (3, *shape)).astype("int32") for shape in specimen.shapes]
    return [generator.normal(0, 1, (3, *shape)).astype("float32") for shape in specimen.shapes]
