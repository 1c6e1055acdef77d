"""Node data for Model Explorer: one file for each figure, by output tensor or by the node's id."""

import json

import numpy as np
import pytest

from compressor.debugging.layer_errors import compared
from compressor.debugging.node_data import NODE_DATA, node_data
from compressor.debugging.operator_graph import OperatorGraph
from compressor.debugging.ranking import ranked


@pytest.fixture(scope="module")
def small(tensorflow):
    """A small int8 file with pruned weights, its ranked operators, and the place of its dense operators."""
    import tf_keras
    from tf_keras import Sequential, layers

    from compressor import Conversion, to_litert

    tf_keras.utils.set_random_seed(0)
    parts = [layers.Dense(8, activation="relu", name="hidden"), layers.Dense(4, name="head")]
    model = Sequential([layers.InputLayer((6,), name="x"), *parts])
    kernel, bias = model.layers[0].get_weights()
    kernel[:3] = 0
    model.layers[0].set_weights([kernel, bias + 0.1])
    inputs = np.random.default_rng(0).normal(size=(16, 1, 6)).astype(np.float32)
    exact = to_litert(model)
    quantized = to_litert(model, Conversion("int8", calibration=iter(inputs)))
    comparison = compared(quantized, exact, list(inputs))
    return comparison.quantized, ranked(comparison, {})


def results(small):
    return {name: json.loads(text)["main"] for name, text in node_data(*small).items()}


def test_there_is_a_file_for_each_figure_with_a_gradient(small):
    found = results(small)
    assert tuple(found) == NODE_DATA == ("error", "zeros", "bits", "bytes")
    for graph in found.values():
        assert {*graph} == {"results", "gradient"}
        assert [stop["stop"] for stop in graph["gradient"]] == [0, 0.5, 1]
        assert all({*result} == {"value"} for result in graph["results"].values())


def test_the_figures_are_those_of_the_file(small):
    graph, rows = small
    error, zeros, bits, size = (
        {key: each["value"] for key, each in data["results"].items()} for data in results(small).values()
    )
    hidden, head = (node for node in graph.nodes if node.operator == "FULLY_CONNECTED")
    keys = [str(hidden.index), graph.tensors[head.outputs[0]].name]  # the weights of the first have its output's name
    costs = {row.index: row.cost for row in rows}
    assert [error[key] for key in keys] == [costs[hidden.index], costs[head.index]]
    assert zeros[keys[0]] == pytest.approx(24 / 48, abs=0.05)
    assert [bits[key] for key in keys] == [8, 8]
    assert [size[key] for key in keys] == [48 + 4 * 8, 32]
    assert bits["head"] == 32, "what is cast to float at the end"


def test_an_operator_without_a_name_of_its_own_goes_by_its_place(small):
    graph, rows = small
    from compressor.models.litert import shrunk

    nameless = OperatorGraph(shrunk(graph.content))
    keys = json.loads(node_data(nameless, rows)["bits"])["serving_default"]["results"].keys()
    assert {"1", "2"} <= keys
