"""A layer that int8 spoils is found first, in nets of different kinds, and keeping it mends the file."""

import pytest
from planted_nets import NETS, built, samples

from compressor.debugging.debug_subject import Subject
from compressor.debugging.kept_layers_tryout import Requantizing, Surroundings
from compressor.debugging.layer_errors import compared
from compressor.debugging.layer_names import layer_names
from compressor.debugging.operator_graph import OperatorGraph
from compressor.debugging.ranking import ranked
from compressor.debugging.tryouts import tried


@pytest.fixture(scope="module")
def found(tensorflow, registry):
    """A function that gives a planted net, its float and int8 file, samples, the comparison and the ranking."""
    from compressor import Conversion, to_litert

    def find(name):
        model = built(name)
        inputs = samples(model)
        exact = to_litert(model)
        quantized = to_litert(model, Conversion("int8", calibration=iter(inputs[:32, None])))
        taken = list(inputs[32:48, None])
        comparison = compared(quantized, exact, taken)
        names = layer_names(OperatorGraph(exact), model, registry)
        return model, exact, quantized, taken, comparison, names, ranked(comparison, names)

    return find


@pytest.mark.parametrize("name", NETS)
def test_the_planted_layer_comes_first(found, name):
    *_, comparison, _, rows = found(name)
    first, second = rows[:2]
    assert first.layer == "bad"
    assert first.by_storing
    assert first.cost > 1.5 * second.cost > 0
    assert first.own_snr > 30, "its own output hides the error, since one channel is so large"
    assert comparison.outputs[0].snr < 10
    assert not comparison.pairs.unpaired


@pytest.fixture(scope="module")
def keeping(found, registry):
    """A function that tries to keep the layers of a planted net that cost most: the net's files and what was tried."""
    from compressor.contracts.model_state import ModelState
    from compressor.data import ArraySplit, RunData
    from compressor.run.named_data_and_metrics import find_metrics
    from compressor_plugins.ptq.ptq import PTQ

    def keep(name, most):
        model, exact, quantized, taken, comparison, names, rows = found(name)
        inputs = samples(model)
        split = ArraySplit(inputs, model.predict(inputs, verbose=0).argmax(-1))
        data, metrics = RunData("random", split, split, split), find_metrics(registry, ["accuracy"])
        step = {"uses": "ptq", "with": {"precision": "int8"}}
        maker = Requantizing(PTQ(PTQ.Params()), step, lambda: built(name), Surroundings(ModelState(), data, metrics))
        subject = Subject(name, quantized, exact, names, data, metrics, maker)
        return subject, tried(subject, comparison, rows, taken, most)

    return keep


def test_keeping_both_sides_of_the_bad_output_mends_the_file(keeping):
    subject, tryouts = keeping("plain", most=1)
    (kept,) = tryouts.tried
    assert kept.layers == ("bad", "third"), "the layer behind takes the output through a pool"
    assert tryouts.base.score < 0.5
    assert kept.score == 1.0
    assert tryouts.base.snr < 1
    assert kept.snr > 30
    assert len(subject.quantized) == tryouts.base.bytes < kept.bytes < len(subject.exact)
    assert tryouts.best is kept
    assert subject.maker.step(kept.layers) == {
        "uses": "ptq",
        "with": {"precision": "int8", "per_layer": {"bad": "float16", "third": "float16"}},
    }


def test_all_that_a_sum_joins_is_kept_together(keeping):
    _, tryouts = keeping("summed", most=2)
    alone, kept = tryouts.tried
    assert alone.layers == ("third",)
    assert tryouts.best is kept
    assert {*kept.layers} == {"one", "two", "third"}
    assert tryouts.base.snr < 10
    assert kept.snr > 30
