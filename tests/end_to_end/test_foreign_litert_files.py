"""Files of kinds that this tool does not make go through every step that takes a file, or are refused with a reason."""

import numpy as np
import pytest
from foreign_litert_files import FEATURES, made

from compressor.base.errors import CompressorError, ModelError
from compressor.contracts.model_state import ModelState
from compressor.models.litert.conversion.shrinking import shrunk
from compressor.models.litert.format.flatbuffer import read_model
from compressor.models.litert.reading.contents import dissect
from compressor.models.litert.running.interpreter import LiteRTModel
from compressor.models.packing.package import pack, unpack
from compressor_plugins.ptq.ptq import PTQ

DENSE = FEATURES * 80 + 80 * 4 + 80 + 4
QUANTIZED = "give the float file that it was made from"
SPARSE = "the file's weights are stored sparsely ('{}/hidden/MatMul;{}/hidden/Relu;{}/hidden/BiasAdd'); give the dense "
KINDS = {  # parameters, and what 'ptq' answers, by the kind of file
    "two signatures": (2 * FEATURES * 8, None),
    "a condition": (
        2 * FEATURES * 4 + 1,
        "there is no layer whose weights can be quantized so; choose another precision",
    ),
    "a variable": (
        FEATURES * 4 + FEATURES,
        "the file keeps values from call to call in variables, and calibration cannot run it; "
        "use precision dynamic or float16, which need no calibration",
    ),
    "a table of strings": (
        FEATURES * 4,
        "the output 'names' of the file is text; give a file whose inputs and outputs are numbers",
    ),
    "sparsely stored": (DENSE - 4, "stored sparsely"),
    "sparsely stored int8": (DENSE - 4, "stored sparsely"),
    "dynamic range": (DENSE, "quantized already"),
    "float16": (DENSE, "float16 already"),
    "a quantized scalar": (DENSE + 1, "quantized already"),
    "weights after the flatbuffer": (DENSE, None),
    "unused parts": (DENSE + 3 * 250, None),
    "a tensor of no values": (DENSE, None),
    "metadata": (DENSE, None),
    "no signature": (DENSE, None),
}
CODED = ("two signatures", "a condition", "a variable", "a quantized scalar", "sparsely stored int8")


@pytest.fixture(scope="module")
def files(tensorflow):
    return made()


@pytest.fixture
def context(step_context):
    from compressor.data.prepared_splits import RunData
    from compressor.data.split import ArraySplit

    features = np.random.default_rng(0).normal(0, 1, (40, FEATURES)).astype(np.float32)
    split = ArraySplit(features, np.zeros(40, np.int64))
    return step_context(ModelState(format="litert"), RunData("numbers", split, split, split))


def outputs(content):
    sample = np.random.default_rng(1).normal(0, 1, (1, FEATURES)).astype(np.float32)
    found = LiteRTModel(content).run(sample)
    return found if isinstance(found, dict) else {"": found}


def signatures(content):
    return {
        signature.signatureKey: ([end.name for end in signature.inputs], [end.name for end in signature.outputs])
        for signature in read_model(content).signatureDefs or []
    }


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_counted_slimmed_packed_and_gives_the_same_outputs(files, kind):
    content = files[kind]
    parameters, _ = KINDS[kind]
    assert dissect(content).parameters == parameters
    small = shrunk(content)
    assert len(small) < len(content)
    assert signatures(small) == signatures(content)
    assert unpack(pack(small, "model" if kind in CODED else "zstd")) == small
    if kind == "a table of strings":
        with pytest.raises(ModelError):
            LiteRTModel(small)
        return
    before, after = outputs(content), outputs(small)
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("kind", KINDS)
def test_a_float_file_is_quantized_and_any_other_refused_with_the_reason(files, context, kind):
    content = files[kind]
    _, refusal = KINDS[kind]
    if refusal is not None:
        with pytest.raises(CompressorError) as error:
            PTQ(PTQ.Params()).apply(content, context)
        assert refusal in str(error.value)
        return
    quantized = PTQ(PTQ.Params()).apply(content, context)
    before, after = outputs(content), outputs(quantized)
    assert before.keys() == after.keys()
    assert all(np.allclose(before[name], after[name], atol=0.05 * np.ptp(before[name])) for name in before)
    assert signatures(quantized) == signatures(content)
    if kind == "two signatures":
        assert context.left_alone == {"matmul2": "only the main graph is quantized, and it is in another one"}
    if kind == "metadata":
        file = read_model(quantized)
        assert [
            bytes(file.buffers[entry.buffer].data) for entry in file.metadata if entry.name == b"TFLITE_METADATA"
        ] == [b"labels: one, two, three, four"]


def test_zeros_of_sparsely_stored_weights_are_counted_and_their_places_take_bytes(files):
    kernel = next(tensor for tensor in dissect(files["sparsely stored"]).kernels if tensor.shape == (80, FEATURES))
    stored = kernel.size - kernel.zeros
    assert 0.6 < kernel.zeros / kernel.size < 0.68
    assert kernel.unique == stored + 1
    assert kernel.bytes == stored * 4 + 80 * 2 + 2 + stored  # values, where each row begins, and places in it
    assert dissect(shrunk(files["sparsely stored"])).sparsity == dissect(files["sparsely stored"]).sparsity
