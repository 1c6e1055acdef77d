"""Files are timed in turn in a child process, and their operators one by one; a crash there ends nothing."""

from itertools import pairwise

import numpy as np
import pytest
from small_litert_files import chain, litert_file, tensor

from compressor.base.errors import ModelError
from compressor.measure.paired_latency import latency_of_file, paired_latencies
from compressor.report.latency_texts import operator_kinds

SAMPLE = np.ones((1, 128), np.float32)


def dense_file(wide, slow=0):
    """Two additions, and between them a dense layer to `wide` values and back, and in between one of `slow` values."""
    sizes = [128, wide, *([slow] if slow else []), 128]
    tensors, calls = [tensor("x", (1, 128), "FLOAT32"), tensor("first", (1, 128), "FLOAT32")], [("ADD", [0, 0], [1])]
    for place, (before, after) in enumerate(pairwise(sizes)):
        weights = np.full((after, before), 1 / before, np.float32).tobytes()
        tensors.append(tensor(f"weights{place}", (after, before), "FLOAT32", data=weights))
        tensors.append(tensor(f"dense{place}", (1, after), "FLOAT32"))
        calls.append(("FULLY_CONNECTED", [len(tensors) - 3 if place else 1, len(tensors) - 2, -1], [len(tensors) - 1]))
    last = len(tensors)
    tensors.append(tensor("y", (1, 128), "FLOAT32"))
    calls.append(("ADD", [last - 1, last - 1], [last]))
    return litert_file(tensors, calls, [0], [last])


@pytest.fixture(scope="module")
def timed():
    """A net, the same again, one of four times its weights, and one with a layer that outweighs all others."""
    return paired_latencies([dense_file(256), dense_file(256), dense_file(1024), dense_file(256, slow=2048)], SAMPLE)


def test_a_file_is_as_fast_as_itself_and_a_net_of_four_times_the_weights_is_slower(timed):
    one, same, larger, slow = timed
    assert vars(one.ratio) == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert same.ratio.low <= 1.05 and same.ratio.high >= 0.95  # one interval of twenty leaves the true ratio out
    assert 1.5 < larger.ratio.low <= larger.ratio.value <= larger.ratio.high
    assert slow.ratio.low > 2
    for file in timed:
        assert 0 < file.seconds.low <= file.seconds.value <= file.seconds.high < 1
        assert 7 <= file.rounds <= 41 and 1 <= file.calls <= 100
        assert (file.threads, file.fault) == (1, "")


def test_a_file_of_several_inputs_is_timed_in_whatever_order_the_data_has_them(two_inputs):
    content, samples = two_inputs
    (file,) = paired_latencies([content], {name: values[:1] for name, values in samples.items()})
    assert file.fault == "" and file.seconds.value > 0


def test_a_slow_operator_comes_first_with_its_weights(timed):
    slow = timed[3].operators
    assert [each.operator for each in slow] == ["ADD", *["FULLY_CONNECTED"] * 3, "ADD"]
    longest = max(slow, key=lambda each: each.seconds)
    assert (longest.weights, longest.output, longest.kernels) == ("weights1", "dense1", "XNNPACK")
    kinds = operator_kinds(slow)
    assert [(kind.operator, kind.calls, kind.computes_in, kind.arithmetic) for kind in kinds] == [
        ("FULLY_CONNECTED", 3, "float32", "float"), ("ADD", 2, "float32", "float"),
    ]  # fmt: skip
    assert kinds[0].share > 0.9 and sum(kind.share for kind in kinds) == pytest.approx(1)


def test_the_same_file_has_the_same_operators_by_the_same_measurement(timed):
    assert timed[0].operators == timed[1].operators


def test_all_but_the_times_is_the_same_in_every_measurement():
    first, again = latency_of_file(chain()), latency_of_file(chain())
    facts = [[(each.operator, each.output, each.weights, each.kernels, each.computes_in) for each in file.operators]
             for file in (first, again)]  # fmt: skip
    assert facts[0] == facts[1]
    assert [fact[:3] for fact in facts[0]] == [
        ("CONV_2D", "conv", "kernel"), ("MAX_POOL_2D", "pool", ""), ("FULLY_CONNECTED", "logits", "weights"),
    ]  # fmt: skip


def crashing(tmp_path, monkeypatch, names):
    """Have a child process abort where an interpreter's operators begin with these."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os\n"
        "from ai_edge_litert import interpreter\n"
        "invoke = interpreter.Interpreter.invoke\n"
        "def crashing(self):\n"
        f"    if [each['op_name'] for each in self._get_ops_details()][:{len(names)}] == {names!r}:\n"
        "        os.abort()\n"
        "    invoke(self)\n"
        "interpreter.Interpreter.invoke = crashing\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def test_a_crash_of_an_operator_leaves_the_times_of_the_whole_file(tmp_path, monkeypatch):
    crashing(tmp_path, monkeypatch, ["MAX_POOL_2D"])
    file = latency_of_file(chain())
    assert file.seconds.value > 0 and file.operators == ()
    assert file.fault == "it crashes the process with SIGABRT"


def test_a_crash_of_a_file_is_an_error(tmp_path, monkeypatch):
    crashing(tmp_path, monkeypatch, ["CONV_2D", "MAX_POOL_2D"])
    with pytest.raises(ModelError) as error:
        latency_of_file(chain())
    assert str(error.value) == (
        "calls cannot be timed: it crashes the process with SIGABRT; give files that run on such a sample"
    )


def test_a_file_that_does_not_take_the_sample_is_an_error():
    with pytest.raises(ModelError) as error:
        paired_latencies([chain()], SAMPLE)
    assert str(error.value) == (
        "calls cannot be timed: the file takes samples of shape (8, 8, 1), and the data has (128,); give files that "
        "run on such a sample"
    )
