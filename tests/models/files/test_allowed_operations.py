"""Only listed operations of TensorFlow are let through, and those that are only compute."""

import json
import zipfile

import pytest
from operation_specimens import specimens

from compressor.models.files.allowed_names import refused_names
from compressor.models.files.allowed_operations import RAW_OPERATORS, TENSOR_FUNCTIONS
from compressor.models.files.code_in_file import names_in

WITHIN_FUNCTIONS = {
    "Assert": "ends the computation with an error",
    "If": "chooses one of two graphs, of operators that are looked at themselves",
    "NoOp": "does nothing",
    "PartitionedCall": "runs a graph, of operators that are looked at themselves",
    "Placeholder": "is an argument of the traced function",
    "StatelessIf": "chooses one of two graphs, of operators that are looked at themselves",
    "StatelessWhile": "repeats a graph, of operators that are looked at themselves",
    **dict.fromkeys(
        ("Multinomial", "RandomGamma", "RandomPoissonV2", "RandomShuffle", "RandomStandardNormal", "RandomUniform",
         "RandomUniformInt", "TruncatedNormal"),
        "draws random numbers, whose state is in memory",
    ),
}  # fmt: skip
"""Operators that listed functions make, and that a file may not name itself, each with why it does no harm."""

READING_OR_WRITING = """
    CacheDataset DebugIdentity DebugNanCount DebugNumericSummary DebugNumericSummaryV2 ImmutableConst
    InitializeTableFromTextFile MatchingFiles PyFuncStateless ReadFile ReaderRead ShardedFilename SnapshotDataset
    SnapshotDatasetReader SnapshotNestedDatasetReader XlaCustomCall XlaCustomCallV2
"""
"""Operators that TensorFlow calls stateless, although they read, write, or call other code."""
STATEFUL = """
    DebugIdentityV2 EagerPyFunc FixedLengthRecordReaderV2 LoadAndRemapMatrix MergeV2Checkpoints PrintV2 PyFunc
    RecvTPUEmbeddingActivations RestoreV2 RpcCall RpcServer SaveV2 Send TFRecordDataset TextLineDataset VarHandleOp
    WriteFile WriteSummary
"""


@pytest.fixture(scope="module")
def functions(tensorflow):
    """Everything that a layer for operations can name, by its name."""
    import tf_keras  # noqa: F401  # which exports its own names
    from tensorflow.python.util import tf_export

    return dict(tf_export._NAME_TO_SYMBOL_MAPPING)


@pytest.fixture(scope="module")
def operators(tensorflow):
    """The registry of operators: their definitions by their names."""
    from tensorflow.core.framework.op_def_pb2 import OpList
    from tensorflow.python.client import pywrap_tf_session

    listed = OpList()
    listed.ParseFromString(pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList()))
    return {operator.name: operator for operator in listed.op}


def of_function(layer, name):
    return {"class_name": layer, "config": {"name": "evil", "function": name}}


def of_operator(name, node=lambda name: {"name": "x", "op": name}):
    return {"class_name": "TensorFlowOpLayer", "config": {"name": "evil", "node_def": node(name)}}


def refused(entry):
    return [found.text for found in refused_names(entry)]


@pytest.mark.parametrize("layer", ["TFOpLambda", "SlicingOpLambda"])
def test_of_all_functions_that_a_layer_can_name_only_listed_ones_are_let_through(functions, layer):
    let_through = {name for name in functions if not refused(of_function(layer, name))}
    print(f"{layer}: {len(functions)} names walked, {len(let_through)} let through, 0 of them not listed")
    assert len(functions) > 8000
    assert let_through == TENSOR_FUNCTIONS
    assert refused(of_function(layer, "raw_ops.WriteFile")) == ["the operation 'raw_ops.WriteFile' of the layer 'evil'"]


def test_of_all_operators_only_listed_ones_are_let_through(operators):
    let_through = {name for name in operators if not refused(of_operator(name))}
    print(f"TensorFlowOpLayer: {len(operators)} operators walked, {len(let_through)} let through, 0 not listed")
    assert len(operators) > 1800
    assert let_through == RAW_OPERATORS
    assert refused(of_operator("WriteFile")) == ["the operator 'WriteFile' of the layer 'evil'"]


@pytest.mark.parametrize(
    ("node", "operator"),
    [
        ({"op": "WriteFile"}, "WriteFile"),
        ('{"op": "WriteFile"}', "WriteFile"),
        ({"op": ["AddV2"]}, "['AddV2']"),
        ("x\x12\tWriteFile", "not readable"),
        (None, "not readable"),
        (5, "not readable"),
    ],
)
def test_an_operator_is_read_in_any_form_or_refused(node, operator):
    entry = {"class_name": "TensorFlowOpLayer", "config": {"node_def": node}}
    assert refused(entry) == [f"the operator '{operator}'"]
    assert refused(of_operator("AddV2", lambda name: json.dumps({"op": name}))) == []


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_every_unlisted_name_in_a_file_is_found(functions, operators, tmp_path, suffix):
    layers = [of_function(layer, name) for layer in ("TFOpLambda", "SlicingOpLambda") for name in functions]
    layers += map(of_operator, operators)
    config = {"class_name": "Functional", "config": {"name": "m", "layers": layers}}
    path = tmp_path / f"m.{suffix}"
    if suffix == "keras":
        for layer in layers:
            layer["module"] = "keras.layers"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", json.dumps(config))
    else:
        import h5py

        with h5py.File(path, "w") as file:
            file.attrs.create(
                "model_config", json.dumps({**config, "backend": "tensorflow"}), dtype=h5py.string_dtype()
            )
    assert set(names_in(path).code) == {
        *(f"the operation '{name}' of the layer 'evil'" for name in functions.keys() - TENSOR_FUNCTIONS),
        *(f"the operator '{name}' of the layer 'evil'" for name in operators.keys() - RAW_OPERATORS),
    }


def test_a_listed_operator_has_no_state_and_calls_no_graph(operators):
    from tensorflow.core.framework.types_pb2 import DT_RESOURCE, DT_VARIANT

    for name in RAW_OPERATORS:
        operator = operators[name]
        ends = [end.type for end in (*operator.input_arg, *operator.output_arg)]
        assert not operator.is_stateful, name
        assert not any("func" in attribute.type for attribute in operator.attr), name
        assert DT_RESOURCE not in ends and DT_VARIANT not in ends, name


def test_operators_that_read_and_write_are_not_listed_whatever_tensorflow_calls_them(operators):
    for name in READING_OR_WRITING.split():
        assert not operators[name].is_stateful and name not in RAW_OPERATORS, name
    for name in STATEFUL.split():
        assert operators[name].is_stateful and name not in RAW_OPERATORS, name
    assert not RAW_OPERATORS & WITHIN_FUNCTIONS.keys()


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")  # from windows of no length
def test_every_listed_function_makes_listed_operators_alone(functions):
    import tensorflow as tf

    arguments = specimens()
    assert arguments.keys() == TENSOR_FUNCTIONS
    seen = set()
    for name, given in arguments.items():
        graph = tf.__internal__.FuncGraph(name)
        with graph.as_default():
            functions[name](*tf.nest.map_structure(as_placeholder, given))
        whole = graph.as_graph_def()
        made = {node.op for node in whole.node}
        made |= {node.op for function in whole.library.function for node in function.node_def}
        assert made <= RAW_OPERATORS | WITHIN_FUNCTIONS.keys(), (name, made - RAW_OPERATORS - WITHIN_FUNCTIONS.keys())
        seen |= made
    assert WITHIN_FUNCTIONS.keys() <= seen


def as_placeholder(value):
    """A tensor as a tensor whose values are not known, and anything else as it is."""
    import tensorflow as tf

    return tf.compat.v1.placeholder(value.dtype, value.shape) if tf.is_tensor(value) else value
