"""A `.tflite` file holds no operator that may do more than compute."""

from copy import copy

import pytest

from compressor.base.errors import ModelError
from compressor.models.files.untrusted import refuse_harmful_litert
from compressor.models.litert.conversion.converter import to_litert
from compressor.models.litert.format.flatbuffer import read_model, write_model
from compressor.models.litert.reading.allowed_operators import BUILT_IN_OPERATORS, CUSTOM_OPERATORS, unlisted_operators

NO_COMPUTATION = {
    "CALL": "calls what the file does not hold",
    "CUSTOM": "is looked up by a name of its own",
    "DELEGATE": "runs another library",
    "PLACEHOLDER_FOR_GREATER_OP_CODES": "is no operator",
    "STABLEHLO_CUSTOM_CALL": "calls what the file does not hold",
}


@pytest.fixture(scope="module")
def content(tensorflow):
    import tf_keras

    return to_litert(tf_keras.Sequential([tf_keras.Input((3,)), tf_keras.layers.Dense(2), tf_keras.layers.ReLU()]))


def renamed(content, number, custom=None):
    """The file with another operator in place of its first."""
    model = read_model(content)
    code = model.operatorCodes[0]
    code.builtinCode, code.deprecatedBuiltinCode, code.customCode = number, min(number, 127), custom
    return write_model(model)


def numbers():
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    return {name: number for name, number in vars(BuiltinOperator).items() if not name.startswith("_")}


def test_of_all_operators_of_the_schema_only_listed_ones_are_let_through(content):
    let_through = {name for name, number in numbers().items() if not unlisted_operators(renamed(content, number))}
    print(f"{len(numbers())} operators walked, {len(let_through)} let through, 0 of them not listed")
    assert let_through == BUILT_IN_OPERATORS
    assert numbers().keys() - let_through == NO_COMPUTATION.keys()
    assert unlisted_operators(renamed(content, 250)) == ["operator 250"]


def test_of_all_operators_of_tensorflow_none_is_let_through_under_a_name_of_its_own(content):
    from tensorflow.core.framework.op_def_pb2 import OpList
    from tensorflow.python.client import pywrap_tf_session

    listed = OpList()
    listed.ParseFromString(pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList()))
    names = {prefix + operator.name for operator in listed.op for prefix in ("", "Flex")}
    assert len(names) > 3600
    model = read_model(content)
    for name in (*names, "DISPATCH_OP", ""):
        code = copy(model.operatorCodes[0])
        code.builtinCode = code.deprecatedBuiltinCode = numbers()["CUSTOM"]
        code.customCode = name.encode()
        model.operatorCodes.append(code)
    let_through = names - {*unlisted_operators(write_model(model))}
    print(f"{len(names)} operators walked, {len(let_through)} let through, 0 of them not listed")
    assert let_through == {"TFLite_Detection_PostProcess"} <= CUSTOM_OPERATORS


FOREIGN = "it holds operators that may do more than compute ('{}'); convert it with LiteRT's own operators alone"
OF_A_KIT = "only a microcontroller runs it ('{}'); give the file that it was exported from"


@pytest.mark.parametrize(
    ("custom", "text"),
    [
        *((name, FOREIGN) for name in ("FlexWriteFile", "FlexReadFile", "FlexPyFunc", "Mine")),
        *((name, OF_A_KIT) for name in ("TFLM_DECODE", "ethos-u")),
    ],
)
def test_a_file_with_another_operator_is_refused_by_its_name(content, tmp_path, custom, text):
    path = tmp_path / "m.tflite"
    path.write_bytes(renamed(content, numbers()["CUSTOM"], custom.encode()))
    with pytest.raises(ModelError) as error:
        refuse_harmful_litert(path)
    assert str(error.value) == f"{path}: {text.format(custom)}"


def test_a_file_with_a_variable_in_memory_passes(tensorflow, tmp_path):
    tf = tensorflow

    class Counting(tf.Module):
        def __init__(self):
            super().__init__()
            self.total = tf.Variable(tf.zeros([1, 2]))

        @tf.function(input_signature=[tf.TensorSpec([1, 2], tf.float32, name="x")])
        def add(self, x):
            return self.total.assign_add(x)

    module = Counting()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.add.get_concrete_function()], module)
    path = tmp_path / "variable.tflite"
    path.write_bytes(converter.convert())
    used = {code.builtinCode for code in read_model(path.read_bytes()).operatorCodes}
    assert {numbers()[name] for name in ("VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE")} <= used
    refuse_harmful_litert(path)
