"""An operator's own error is told apart from what it inherits, tensor by tensor."""

import numpy as np
import pytest
from planted_nets import built, samples

from compressor.debugging.layer_errors import compared, worst
from compressor.debugging.operator_graph import OperatorGraph
from compressor.debugging.ranking import ranked, unpaired_names
from compressor.debugging.tensor_figures import Figures


@pytest.fixture(scope="module")
def residual(tensorflow):
    """The planted residual net, its float file, and samples."""
    from compressor import to_litert

    model = built("residual")
    return model, to_litert(model), samples(model)


def quantized(model, inputs, **params):
    from compressor.contracts.context import StepContext
    from compressor.contracts.model_state import ModelState
    from compressor.data import ArraySplit
    from compressor_plugins.ptq.ptq import PTQ

    split = ArraySplit(inputs, None)
    context = StepContext(state=ModelState(), train=split, trainer=None, seed=0)
    return PTQ(PTQ.Params(**params)).apply(model, context)


def layers_of(exact):
    """The names of a float file's operators by their outputs, without the help of Keras."""
    graph = OperatorGraph(exact)
    return {node.index: graph.tensors[node.outputs[0]].name.split("/")[0] for node in graph.nodes}


def test_the_figures_are_those_of_the_definitions():
    figures = Figures()
    figures.add(np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    figures.add(np.array([2.0]), np.array([2.0]))
    assert figures.share == pytest.approx((1 / 6) ** 0.5)
    assert figures.snr == pytest.approx(10 * np.log10(6))
    assert figures.cosine == pytest.approx(7 / (6 * 9) ** 0.5)
    assert figures.largest == 1.0
    same = Figures()
    same.add(np.zeros(3), np.zeros(3))
    assert (same.share, same.snr, same.cosine) == (0.0, np.inf, 1.0)
    broken = Figures()
    broken.add(np.array([np.nan]), np.array([1.0]))
    assert (broken.share, broken.snr, broken.cosine) == (np.inf, -np.inf, 0.0)


def test_what_a_single_quantized_layer_costs_is_the_whole_change_of_the_outputs(residual):
    model, exact, inputs = residual
    others = dict.fromkeys(("stem", "bad", "third", "head"), "float32")
    file = quantized(model, inputs, precision="int4", per_layer=others)
    comparison = compared(file, exact, list(inputs[:8, None]))
    costs = {row.layer: row for row in ranked(comparison, layers_of(exact))}
    change = comparison.outputs[0].share
    assert change > 0.01
    assert costs["second"].cost == pytest.approx(change, rel=1e-3)
    assert costs["second"].weights_cost == pytest.approx(change, rel=1e-3)
    assert costs["second"].storing_cost == 0
    assert all(row.cost < 1e-5 for name, row in costs.items() if name != "second")
    assert costs["third"].snr < 60, "it inherits the error of the layer before"
    assert costs["third"].own_snr is None or costs["third"].own_snr > 100, "and adds none"


def test_weights_and_storage_are_told_apart(residual):
    model, exact, inputs = residual
    whole = compared(quantized(model, inputs, precision="int8"), exact, list(inputs[:8, None]))
    by_layer = {row.layer: row for row in ranked(whole, layers_of(exact))}
    assert by_layer["bad"].storing_cost > 0.2 > 0.01 > by_layer["bad"].weights_cost
    assert by_layer["second"].weights_cost > 0.1 > 0.01 > by_layer["second"].storing_cost
    wide = compared(quantized(model, inputs, precision="int16x8"), exact, list(inputs[:8, None]))
    by_layer = {row.layer: row for row in ranked(wide, layers_of(exact))}
    assert by_layer["bad"].storing_cost < 0.01, "16 bits resolve what 8 cannot"
    assert by_layer["second"].weights_cost > 0.1


@pytest.mark.parametrize("io", ["int8", "uint8"])
def test_what_the_caller_rounds_is_a_row_of_its_own(residual, io):
    model, exact, inputs = residual
    comparison = compared(quantized(model, inputs, io=io), exact, list(inputs[:4, None]))
    rows = {row.operator: row for row in ranked(comparison, layers_of(exact)) if row.layer == "image"}
    row = rows["INPUT"]
    assert (row.tensor, row.index) == ("image", -1)
    assert 35 < row.snr < 50
    assert row.cost > 0


def test_files_without_names_are_paired_by_their_operators(residual):
    from compressor.models.litert import shrunk

    model, exact, inputs = residual
    file = quantized(model, inputs)
    named = compared(file, exact, list(inputs[:4, None]))
    bare = compared(shrunk(file), shrunk(exact), list(inputs[:4, None]))
    assert not bare.pairs.unpaired
    assert [error.node.index for error in bare.operators] == [error.node.index for error in named.operators]
    for one, other in zip(bare.operators, named.operators, strict=True):
        assert worst(one.cost) == pytest.approx(worst(other.cost), rel=1e-6)


def test_what_has_no_counterpart_is_named(tensorflow):
    import tf_keras
    from tf_keras import Sequential, layers

    from compressor import Conversion, to_litert

    def net(activation):
        tf_keras.utils.set_random_seed(0)
        parts = [layers.Dense(6, activation=activation, name="hidden"), layers.Dense(2, name="head")]
        return Sequential([layers.InputLayer((4,), name="x"), *parts])

    inputs = np.random.default_rng(0).normal(size=(8, 1, 4)).astype(np.float32)
    file = to_litert(net("tanh"), Conversion("int8", calibration=iter(inputs)))
    comparison = compared(file, to_litert(net("sigmoid")), list(inputs))
    assert unpaired_names(comparison) == ["hidden/Tanh (TANH)"]
    reasons = [error.reason for error in comparison.operators if error.reason]
    assert reasons == ["its input 'hidden/Tanh' has no counterpart in the float model"]


def test_several_inputs_and_outputs_are_paired_by_name(tensorflow):
    import tf_keras
    from tf_keras import Input, Model, layers

    from compressor import to_litert

    tf_keras.utils.set_random_seed(0)
    left, right = Input((8,), name="left"), Input((3,), name="right")
    both = layers.Concatenate(name="both")([layers.Dense(8, activation="relu", name="dense")(left), right])
    model = Model([left, right], [layers.Dense(3, name="one")(both), layers.Dense(2, name="two")(both)])
    draw = np.random.default_rng(0).normal
    inputs = {"left": draw(size=(16, 8)).astype(np.float32), "right": draw(size=(16, 3)).astype(np.float32)}
    file, exact = quantized(model, inputs, algorithm="octav"), to_litert(model)
    taken = [{name: values[place : place + 1] for name, values in inputs.items()} for place in range(8)]
    comparison = compared(file, exact, taken)
    rows = {row.layer: row for row in ranked(comparison, layers_of(exact))}
    assert {"left", "right", "dense", "both", "one", "two"} <= rows.keys()
    assert len(comparison.outputs) == 2
    assert all(30 < figures.snr < 60 for figures in comparison.outputs)
    assert 0 < rows["one"].cost < 0.05


def test_a_file_of_another_model_is_refused(residual, tensorflow):
    from compressor import ModelError, to_litert

    model, _, inputs = residual
    with pytest.raises(ModelError) as refused:
        compared(quantized(model, inputs), to_litert(built("autoencoder")), list(inputs[:2, None]))
    assert str(refused.value) == (
        "the quantized file's input 'image' has the shape (10, 10, 3), and the float model's has (40,); "
        "give the float model that the quantized file was made from"
    )
