"""Of a quantized file can be told how it was quantized."""

import numpy as np
import pytest

from compressor.contracts.context import StepContext
from compressor.contracts.model_state import ModelState
from compressor.data import ArraySplit
from compressor.models.litert import to_litert
from compressor_plugins.ptq.file_precision import parameters_of
from compressor_plugins.ptq.ptq import PTQ


@pytest.fixture(scope="module")
def net(tensorflow):
    """A convolution and a dense layer, and samples."""
    import tf_keras
    from tf_keras import Sequential, layers

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)
    parts = [layers.Conv2D(4, 3, name="conv"), layers.Flatten(name="flatten"), layers.Dense(3, name="head")]
    model = Sequential([layers.InputLayer((8, 8, 2), name="image"), *parts])
    return model, np.random.default_rng(0).normal(size=(16, 8, 8, 2)).astype(np.float32)


def made(net, **params):
    model, inputs = net
    context = StepContext(state=ModelState(), train=ArraySplit(inputs, None), trainer=None, seed=0)
    return PTQ(PTQ.Params(**params)).apply(model, context)


@pytest.mark.parametrize(
    "params",
    [
        {"precision": "int8"},
        {"precision": "int8", "io": "int8"},
        {"precision": "int8", "io": "uint8"},
        {"precision": "int16x8"},
        {"precision": "float16"},
        {"precision": "int4"},
        {"precision": "int4", "activations": "int8"},
        {"precision": "int8", "activations": "float32"},
        {"precision": "int8", "granularity": "tensor"},
        {"precision": "int4", "activations": "int8", "granularity": "tensor"},
    ],
    ids=lambda params: "-".join(params.values()),
)
def test_the_parameters_of_a_file_are_those_that_made_it(net, params):
    assert parameters_of(made(net, **params)) == params


def test_a_file_of_dynamic_precision_is_known(net):
    assert parameters_of(made(net, precision="dynamic", algorithm="octav")) == {"precision": "dynamic"}
    assert parameters_of(to_litert(net[0])) is None
