"""Real architectures at small sizes through prune, qat and ptq: zeros, 8 bits and outputs, counted in the file.

Two optimizer steps each: this is about what the steps make of the layers, not about accuracy.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from compressor.anatomy import dissect
from compressor.keras_files import load_keras, save_keras
from compressor.litert import LiteRTModel
from compressor.state import ModelState
from compressor_plugins.prune import Prune
from compressor_plugins.ptq import PTQ
from compressor_plugins.qat import QAT


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
    return keras.Model(inputs, layers.Conv2D(1, 1, activation="sigmoid")(up))


def autoencoder(keras):
    layers = keras.layers

    def half(name, *units):
        return keras.Sequential([layers.Dense(n, activation="relu", name=f"{name}_{n}") for n in units], name=name)

    inputs = keras.Input((64,))
    return keras.Model(inputs, layers.Dense(64)(half("decoder", 16, 32)(half("encoder", 32, 16, 8)(inputs))))


@dataclass(frozen=True)
class Case:
    """`int8` is the least share of the kernels' values in 8 bits; `left` are the kinds that qat leaves in float."""

    build: Callable[[Any], Any]
    inputs: str = "images"
    int8: float = 1.0
    left: dict[str, str] = field(default_factory=dict)
    tolerance: float = 0.05  # of the range of the outputs


CASES = {
    "LSTM": Case(
        lstm,
        "tokens",
        0.05,
        {"embedding": "tfmot cannot quantize Embedding", "lstm": "tfmot cannot quantize LSTM"},
    ),
    "Transformer": Case(
        transformer,
        "tokens",
        0.5,
        {
            "embedding": "tfmot cannot quantize Embedding",
            "attention": "tfmot cannot quantize MultiHeadAttention",
            "layer_normalization": "tfmot cannot quantize LayerNormalization",
            "layer_normalization_1": "tfmot cannot quantize LayerNormalization",
        },
    ),
    "U-Net": Case(u_net),
    "autoencoder": Case(autoencoder, "vectors"),
}


@pytest.fixture
def tiny_context(tensorflow):
    """A context for two steps of training, on random samples that fit the model."""
    from compressor.data import ArraySplit, RunData
    from compressor.observer import Observer
    from compressor.strategy import StepContext
    from compressor.training import Trainer

    def make(model, inputs, state):
        generator = np.random.default_rng(0)
        shape, out = (16, *model.input_shape[1:]), (16, *model.output_shape[1:])
        features = {
            "images": lambda: generator.uniform(0, 255, shape),
            "tokens": lambda: generator.integers(0, 50, shape),
            "vectors": lambda: generator.normal(size=shape),
        }[inputs]()
        labels = generator.integers(0, 10, 16) if out == (16, 10) else generator.random(out).astype(np.float32)
        split = ArraySplit(features.astype(np.float32), labels)
        trainer = Trainer("step", RunData("random", split, split.take(4), split), 0, Observer(), [], smoke=True)
        return StepContext(state=state, train=split, trainer=trainer, seed=0), split

    return make


@pytest.mark.parametrize("name", CASES)
def test_an_architecture_is_pruned_quantized_and_ships_what_it_trained(name, tensorflow, tiny_context, tmp_path):
    import tf_keras

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)
    case = CASES[name]
    model = case.build(tf_keras)
    training = {
        "epochs": 1,
        "batch_size": 8,
        "optimizer": "sgd",
        "learning_rate": 1e-4,
        "loss": "sparse_categorical_crossentropy" if model.output_shape[1:] == (10,) else "mse",
    }
    context, split = tiny_context(model, case.inputs, ModelState())
    pruned = Prune(Prune.Params(final_sparsity=0.75, **training)).apply(model, context)
    assert {kind_of(pruned, layer) for layer in context.left_alone} <= {"DepthwiseConv2D"}
    kernels = [weight for weight in pruned.trainable_weights if weight.shape.rank > 1]
    zeros = sum(int((kernel.numpy() == 0).sum()) for kernel in kernels)

    context, _ = tiny_context(model, case.inputs, ModelState().add("sparse"))
    quantized = QAT(QAT.Params(**training)).apply(pruned, context)
    assert context.left_alone == case.left
    save_keras(quantized, tmp_path / "model.h5")
    loaded = load_keras(tmp_path / "model.h5", QAT(QAT.Params()).custom_objects())

    state = ModelState().add("sparse", "quantization_aware")
    context, _ = tiny_context(model, case.inputs, state)
    content = PTQ(PTQ.Params()).apply(loaded, context)
    anatomy = dissect(content)
    in_8_bits = sum(tensor.size for tensor in anatomy.kernels if tensor.bits == 8)
    size = sum(tensor.size for tensor in anatomy.kernels)
    assert sum(tensor.zeros for tensor in anatomy.kernels) >= zeros
    assert in_8_bits / size >= case.int8

    few = split.take(4)
    simulated = quantized.predict(few.inputs, verbose=0)
    # a new interpreter for each sample, since LiteRT's LSTM carries its state from one call to the next
    shipped = np.concatenate([LiteRTModel(content).run(sample[None]) for sample in few.inputs])
    apart = np.abs(shipped - simulated)
    assert apart.max() <= case.tolerance * max(1e-3, np.ptp(simulated), np.abs(simulated).max())


def kind_of(model, name):
    return type(model.get_layer(name)).__name__
