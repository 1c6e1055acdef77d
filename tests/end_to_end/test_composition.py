"""Any sensible order of steps keeps what came before, and every senseless one is refused before anything runs.

All is counted in the files themselves: zeros, values a channel, names and shapes of the ends, bytes.
"""

import re
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import compressor
from compressor import ArraySplit, Splits
from compressor.base.errors import CompressorError
from compressor.models.litert.format.flatbuffer import read_model
from compressor.models.litert.reading.contents import dissect
from compressor.models.litert.running.interpreter import LiteRTModel
from compressor.models.packing.package import unpacked

K = 4
STEPS = {
    "fuse": {},
    "prune": {"final_sparsity": 0.7, "epochs": 1, "ramp": 0.5},
    "cluster": {"number_of_clusters": K, "epochs": 1},
    "qat": {"epochs": 1},
    "ptq": {"calibration_samples": 8},
    "slim": {},
    "pack": {"coder": "zstd"},
    "train": {"epochs": 1},
}


def model(kind):
    """A small model on 8x8 images."""
    import tf_keras
    from tf_keras import layers

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)
    image = tf_keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(8, 3, padding="same", name="stem")(image)
    if kind == "separate ReLU":
        x = layers.ReLU()(x)
    elif kind == "batch normalization":
        x = layers.ReLU()(layers.BatchNormalization()(x))
    elif kind == "depthwise":
        x = layers.DepthwiseConv2D(3, activation="relu")(x)
    elif kind == "residual":
        x = layers.Add()([x, layers.Conv2D(8, 3, padding="same", activation="relu")(x)])
    elif kind == "1x1":
        x = layers.Conv2D(16, 1, activation="relu")(x)
    elif kind == "sequence":
        x = layers.Conv1D(8, 3, padding="causal")(layers.Reshape((64, 8))(x))
        x = layers.Reshape((8, 8, 8))(layers.ReLU()(layers.BatchNormalization()(x)))
    elif kind == "normalized dense":
        x = layers.BatchNormalization()(layers.Dense(16)(layers.Flatten()(layers.MaxPooling2D()(x))))
        x = layers.Reshape((4, 4, 1))(layers.ReLU()(x))
    elif kind == "nested":
        inner = tf_keras.Input((8, 8, 8))
        x = tf_keras.Model(inner, layers.Conv2D(8, 3, activation="relu")(inner), name="block")(x)
    x = layers.Flatten()(layers.MaxPooling2D()(x))
    return tf_keras.Model(image, layers.Dense(3, name="classes")(x))


def data():
    chance = np.random.default_rng(0)
    images, labels = chance.random((96, 8, 8, 1), np.float32), chance.integers(0, 3, 96)
    return Splits(ArraySplit(images[:64], labels[:64]), ArraySplit(images[64:], labels[64:]))


class Stage(NamedTuple):
    """What the report says of a stage, and the bytes that ship after it."""

    state: str
    notes: list[str]
    left_alone: dict[str, str]
    content: bytes


def stages_of(kind, chain, folder, steps=STEPS):
    """The stages, from the baseline on."""
    from compressor.models.litert.conversion.converter import to_litert

    stages = [Stage("keras", [], {}, to_litert(model(kind)))]
    with compressor.Session(model(kind), data(), smoke=True, progress=False, cache=folder / "cache") as session:
        for name in chain:
            row = session.apply(name, **steps[name])
            content = session.save(folder / "shipped").read_bytes()
            stages.append(Stage(row.state, row.notes, row.left_alone, content))
    return stages


def most_values(content):
    """The most different values of a channel in any kernel that `cluster` works on: large enough, not depthwise.

    Integers without scales by channel are counted over the whole kernel; floats by channel, as the converter multiplies
    each by its factor of a normalization.
    """
    kernels = [t for t in dissect(unpacked(content)).kernels if t.size > 8 * K and t.shape[0] > 1]
    floats = {tensor.name for tensor in kernels if tensor.dtype == "float32"}
    file = read_model(unpacked(content))
    counts = [tensor.channel_unique for tensor in kernels if tensor.name not in floats]
    for tensor in file.subgraphs[0].tensors:
        if (tensor.name or b"").decode() in floats and len(tensor.shape) > 1:
            values = np.frombuffer(bytes(file.buffers[tensor.buffer].data), np.float32).reshape(tensor.shape)
            counts += [len(np.unique(channel)) for channel in values]
    return max(counts)


def zeros(content):
    return sum(tensor.zeros for tensor in dissect(unpacked(content)).kernels)


def hold(stages):
    """Hold stages to what their traits say, and to what no step may change."""
    first = LiteRTModel(stages[0].content)
    left = {name for stage in stages for name in stage.left_alone}
    for one, other in pairwise(stages):
        state, before, after = one.state, one.content, other.content
        if re.search(r"\bquantized\b", other.state):
            wide = [tensor.name for tensor in dissect(unpacked(after)).kernels if tensor.dtype != "int8"]
            assert {name.split("/")[0] for name in wide} <= left
        if "sparse" in state:
            assert zeros(after) >= zeros(before) * 0.995
        if "clustered" in state:
            assert most_values(after) <= most_values(before) <= K
        ends = LiteRTModel(unpacked(after))
        for end, same in zip((*ends.inputs, *ends.outputs), (*first.inputs, *first.outputs), strict=True):
            assert (end.name, end.shape) == (same.name, same.shape)
        assert len(after) <= len(before) * 1.01 or any("larger than after" in note for note in other.notes)


def recipe(chain):
    steps = [{"uses": name, "with": STEPS[name]} for name in chain]
    source = {"source": "mnist_cnn", "train": {"epochs": 1}}
    return {"version": 1, "name": "chain", "model": source, "data": {"source": "mnist"}, "steps": steps}


def is_valid(chain):
    try:
        compressor.plan(recipe(chain))
    except CompressorError:
        return False
    return True


KINDS = [
    "separate ReLU", "batch normalization", "depthwise", "residual", "1x1", "dense", "nested", "sequence",
    "normalized dense",
]  # fmt: skip
LAST = [["ptq", "slim", "pack"], ["qat", "ptq", "slim"], ["qat", "ptq", "slim", "pack"]]


@st.composite
def valid_chains(draw):
    """Some steps on the Keras model in any order, and then the way to the file that ships."""
    early = draw(st.permutations(["fuse", "prune", "cluster"]))[: draw(st.integers(1, 3))]
    return [*early, *draw(st.sampled_from(LAST))]


@settings(max_examples=4, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(kind=st.sampled_from(KINDS), chain=valid_chains().filter(is_valid))
def test_a_valid_chain_loses_nothing(tensorflow, tmp_path_factory, kind, chain):
    hold(stages_of(kind, chain, tmp_path_factory.mktemp("chain")))


@pytest.mark.parametrize(
    "kind",
    [
        "separate ReLU",
        pytest.param("sequence", marks=pytest.mark.long),
        pytest.param("normalized dense", marks=pytest.mark.long),
    ],
)
def test_zeros_and_clusters_are_in_the_file_in_the_package(tensorflow, tmp_path, kind):
    stages = stages_of(kind, ["prune", "cluster", "qat", "ptq", "slim", "pack"], tmp_path)
    hold(stages)
    package = stages[-1].content
    assert stages[-1].state == "package, clustered, quantized, sparse"
    inner = dissect(compressor.unpack(package))
    pruned = [tensor for tensor in inner.kernels if tensor.shape[:-1] != (1, 1, 1)]  # which a normalization became
    assert sum(tensor.zeros for tensor in pruned) / sum(tensor.size for tensor in pruned) >= 0.69
    assert inner.weight_bits == 8
    assert most_values(package) <= K
    assert len(package) < inner.bytes / 2


@pytest.mark.parametrize("ranges", ["observed", "learned"])
def test_clusters_before_a_batch_norm_ship_as_the_same_few_integers(tensorflow, tmp_path, ranges):
    steps = STEPS | {"qat": {"epochs": 1, "ranges": ranges}}
    stages = stages_of("batch normalization", ["cluster", "qat", "ptq"], tmp_path, steps)
    kernels = dissect(stages[-1].content).kernels
    assert [(tensor.dtype, tensor.unique) for tensor in kernels] == [("int8", K)] * 2


def test_zeros_and_clusters_are_kept_in_four_bits(tensorflow, tmp_path):
    steps = STEPS | {"qat": {"epochs": 1, "weights": "int4"}, "ptq": {"precision": "int4", "calibration_samples": 8}}
    stages = stages_of("residual", ["prune", "cluster", "qat", "ptq"], tmp_path, steps)
    assert stages[-1].state == "litert, clustered, quantized, sparse"
    kernels = dissect(stages[-1].content).kernels
    assert [tensor.dtype for tensor in kernels] == ["int4"] * 3
    assert all(tensor.zeros / tensor.size >= 0.68 and 2 < tensor.unique <= K for tensor in kernels)


@pytest.mark.parametrize(
    ("chain", "reason"),
    [
        (
            ["ptq", "prune"],
            "'ptq' leaves a LiteRT model, and 'prune' needs a Keras model; an order that works: prune -> ptq",
        ),
        (["ptq", "cluster"], "'ptq' leaves a LiteRT model, and 'cluster' needs a Keras model"),
        (["ptq", "qat"], "'ptq' leaves a LiteRT model, and 'qat' needs a Keras model; an order that works: qat -> ptq"),
        (["qat", "prune"], "'qat' leaves fake quantization in its layers, and 'prune' cannot work on a model with"),
        (["qat", "cluster"], "'qat' leaves fake quantization in its layers, and 'cluster' cannot work on a model with"),
        (["qat", "fuse"], "'qat' leaves fake quantization in its layers, and 'fuse' cannot work on a model with"),
        (
            ["slim", "prune"],
            "'slim' leaves a LiteRT model, and 'prune' needs a Keras model; an order that works: prune -> slim",
        ),
        (["pack"], "the model is a Keras model, and 'pack' needs a LiteRT model; put 'ptq' before it, or 'slim'"),
        (["ptq", "pack", "slim"], "'pack' leaves a packed LiteRT model, and 'slim' needs a LiteRT model; an order"),
        (["ptq", "pack", "pack"], "'pack' leaves a packed LiteRT model, and 'pack-2' needs a LiteRT model"),
        (["prune", "train"], "'prune' leaves zeros to keep, and 'train' cannot work on a model with zeros to keep"),
    ],
)
def test_a_senseless_order_is_refused_with_the_reason(chain, reason):
    with pytest.raises(CompressorError, match=re.escape(reason)):
        compressor.plan(recipe(chain))
