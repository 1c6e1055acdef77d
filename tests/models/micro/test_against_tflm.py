"""What the tool says of firmware, held against LiteRT for Microcontrollers itself: the package tflite-micro."""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from small_litert_files import chain, dense, float_dense, litert_file, sparse_chain, tensor
from tflm import PYTHON, available, ran

from compressor.models.litert.format.operators import _names
from compressor.models.micro.arena import plan_arena
from compressor.models.micro.decoded_weights import with_decoded_weights
from compressor.models.micro.operator_methods import _METHODS, _OF_VARIABLES, _squeezed
from compressor.models.micro.sample_vector import sample_vector

BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"


pytestmark = pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="tflite-micro has wheels for Python 3.11 alone")


@pytest.fixture(scope="module")
def tflm():
    assert available(), (
        "pip install tflite-micro, which has wheels for Python 3.11; TFLITE_MICRO_PYTHON names another interpreter"
    )


def test_outputs_are_those_of_the_self_test_bit_by_bit(tflm):
    image = np.linspace(-60, 60, 64, dtype=np.float32).reshape(1, 8, 8, 1)
    vector = sample_vector(chain(), image)
    stored = np.frombuffer(vector.inputs[0], np.int8).reshape(1, 8, 8, 1)
    assert [array.tobytes() for array in ran(chain(), [stored]).outputs] == list(vector.outputs)


@pytest.fixture(scope="module")
def autoencoder():
    """Five dense layers in int8, whose rounding TFLM does in another way than LiteRT."""
    random = np.random.default_rng(0)
    tensors, calls = [tensor("x0", (1, 64), scales=[0.03])], []
    for layer in range(5):
        weights = random.integers(-127, 128, (64, 64)).astype(np.int8).tobytes()
        first = len(tensors)
        tensors += [
            tensor(f"w{layer}", (64, 64), data=weights, scales=[0.0017]),
            tensor(f"x{layer + 1}", (1, 64), scales=[0.03]),
        ]
        calls.append(("FULLY_CONNECTED", [first - 1, first, -1], [first + 1]))
    return litert_file(tensors, calls, [0], [len(tensors) - 1])


def test_outputs_that_it_rounds_in_another_way_pass_the_self_test(tflm, autoencoder):
    images = np.random.default_rng(1).normal(size=(12, 1, 64)).astype(np.float32)
    off = []
    for image in images:
        vector = sample_vector(autoencoder, image)
        stored = np.frombuffer(vector.inputs[0], np.int8).reshape(1, 64)
        wanted = np.frombuffer(vector.outputs[0], np.int8).astype(int)
        off.append(np.abs(ran(autoencoder, [stored]).outputs[0].reshape(-1) - wanted).max())
        assert vector.allowed == (4,)
    assert 0 < max(off) <= 4


def test_the_arena_is_what_it_takes(tflm):
    inputs = [np.zeros((1, 8, 8, 1), np.int8)]
    found, arena = ran(chain(), inputs), plan_arena(chain(), pointer=8)
    assert arena.tensor_bytes == found.head
    assert arena.persistent_bytes == pytest.approx(found.tail, rel=0.05)
    assert ran(chain(), inputs, arena=arena.bytes).outputs
    with pytest.raises(RuntimeError, match="TFLM failed to allocate tensors"):
        ran(chain(), inputs, arena=arena.bytes * 3 // 4)


def test_what_is_refused_for_its_weights_cannot_be_run(tflm):
    sample = [np.zeros((1, 4), np.float32)]
    for content in (dense("INT8"), dense("FLOAT16", dequantized=True)):
        with pytest.raises(RuntimeError, match="TFLM failed to allocate tensors"):
            ran(content, sample)
    assert ran(dense("INT8", dequantized=True), sample).outputs


def test_decoded_weights_give_the_same_outputs_bit_by_bit(tflm):
    random = np.random.default_rng(0)
    sparse = np.where(random.random((64, 64)) < 0.8, 0, random.normal(size=(64, 64))).astype(np.float32)
    clusters = random.choice(np.linspace(-1, 1, 16, dtype=np.float32), (64, 64))
    image, x = random.integers(-128, 128, (1, 8, 8, 8)).astype(np.int8), random.normal(size=(1, 64)).astype(np.float32)
    for content, sample, methods in (
        (sparse_chain(), image, ["huffman", "huffman"]),
        (float_dense(sparse), x, ["prune"]),
        (float_dense(clusters), x, ["lookup"]),
    ):
        smaller, decoded = with_decoded_weights(content)
        assert [each.method for each in decoded] == methods
        assert len(smaller) < 0.6 * len(content)
        before, after, arena = ran(content, [sample]), ran(smaller, [sample]), plan_arena(smaller, pointer=8)
        assert [array.tobytes() for array in after.outputs] == [array.tobytes() for array in before.outputs]
        assert arena.tensor_bytes == after.head
        assert arena.persistent_bytes == pytest.approx(after.tail, rel=0.05)
        assert ran(smaller, [sample], arena=arena.bytes * 11 // 10).outputs  # with the margin of a kit


@pytest.mark.long
def test_eleven_nets_take_what_is_planned_and_give_what_the_self_test_has(tflm):
    command = [sys.executable, BENCHMARKS / "arena.py"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=580)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    rows = [line for line in done.stdout.splitlines() if line.startswith("| ")][2:]
    assert len(rows) == 11
    assert all("(+0.0%)" in row.split("|")[2] for row in rows)
    assert all(row.endswith(" same |") for row in rows)


_REGISTERED = """
import pickle, sys
from tflite_micro.python.tflite_micro import runtime
for name, content in pickle.load(sys.stdin.buffer).items():
    print("@", name, file=sys.stderr, flush=True)
    try:
        runtime.Interpreter.from_bytes(content, arena_size=1 << 16)
    except RuntimeError:
        pass
"""


@pytest.mark.long
def test_the_operators_that_can_be_registered_are_those_that_it_has(tflm):
    """A file of one operator that lacks what it needs is refused by its kernel, or for want of a kernel."""
    left = {
        name for name in _names().values() if name not in ("CUSTOM", "DELEGATE", "PLACEHOLDER_FOR_GREATER_OP_CODES")
    }
    there = set()
    while left:  # a kernel that is given nothing may bring the process down
        ends = [tensor("x", (1, 4)), tensor("y", (1, 4))]
        files = {name: litert_file(ends, [(name, [0], [1])], [0], [1]) for name in sorted(left)}
        done = subprocess.run([PYTHON, "-c", _REGISTERED], input=pickle.dumps(files), capture_output=True, timeout=300)
        for part in done.stderr.decode(errors="replace").split("@ ")[1:]:
            left.discard(part.split("\n")[0])
            if "Didn't find op" not in part:
                there.add(_squeezed(part.split("\n")[0]))
    assert there - {_squeezed(name) for name in _OF_VARIABLES} == set(_METHODS)
