"""Between two layers that stay in float, nothing is rounded."""

import numpy as np
import pytest

from compressor.contracts.context import StepContext
from compressor.contracts.model_state import ModelState
from compressor.data import ArraySplit
from compressor.models.litert import read_model, to_litert, type_of
from compressor_plugins.ptq.float_regions import between_floats
from compressor_plugins.ptq.ptq import PTQ


@pytest.fixture(scope="module")
def net(tensorflow):
    """Two convolutions with a pool between them, a dense layer, and samples."""
    import tf_keras
    from tf_keras import Sequential, layers

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)
    parts = [
        layers.Conv2D(4, 3, activation="relu", name="one"),
        layers.MaxPooling2D(name="pool"),
        layers.Conv2D(4, 2, activation="relu", name="two"),
        layers.Flatten(name="flatten"),
        layers.Dense(3, name="head"),
    ]
    model = Sequential([layers.InputLayer((8, 8, 2), name="image"), *parts])
    return model, np.random.default_rng(0).normal(size=(16, 8, 8, 2)).astype(np.float32)


def made(net, **params):
    model, inputs = net
    context = StepContext(state=ModelState(), train=ArraySplit(inputs, None), trainer=None, seed=0)
    return PTQ(PTQ.Params(**params)).apply(model, context)


def types(content):
    """The types of the tensors that the operators give, by name."""
    graph = read_model(content).subgraphs[0]
    given = [graph.tensors[call.outputs[0]] for call in graph.operators]
    return {tensor.name.decode(): type_of(tensor).dtype for tensor in given}


def test_a_pool_between_two_layers_in_float_stays_in_float(net):
    found = types(made(net, per_layer={"one": "float16", "two": "float32"}))
    assert found["pool/MaxPool"] == "float32"
    assert found["flatten/Reshape"] == "int8", "the layer behind it is quantized"


def test_a_pool_with_one_quantized_neighbour_is_quantized(net):
    assert types(made(net, per_layer={"one": "float16"}))["pool/MaxPool"] == "int8"


def test_the_places_are_those_between_and_not_those_at_the_ends(net):
    content = to_litert(net[0])
    kinds = ["one", "pool", "two", "flatten", "head"]
    assert between_floats(content, [0, 2, 4], [0, 2]) == [kinds.index("pool")]
    assert between_floats(content, [0, 2, 4], [0, 2, 4]) == [1, 3]
    assert between_floats(content, [0, 2, 4], [0, 4]) == []
    assert between_floats(content, [2, 4], [2, 4]) == [3], "what takes the file's input is quantized with it"
