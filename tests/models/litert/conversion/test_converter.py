"""The exported file: the same outputs as the model, small, and ready for many samples a call."""

import numpy as np
import pytest

from compressor.models.litert.conversion.converter import Conversion, to_litert
from compressor.models.litert.format.flatbuffer import read_model
from compressor.models.litert.reading.contents import dissect
from compressor.models.litert.running.interpreter import LiteRTModel


def operators(content):
    """The operators of a file's first graph, in order, by the schema's names."""
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    known = {number: name for name, number in vars(BuiltinOperator).items() if isinstance(number, int)}
    model = read_model(content)
    return [known[model.operatorCodes[call.opcodeIndex].builtinCode] for call in model.subgraphs[0].operators]


def names(content):
    return [tensor.name.decode() for graph in read_model(content).subgraphs for tensor in graph.tensors]


def test_the_file_gives_the_keras_models_outputs_one_or_many_samples_a_call(small_cnn, mnist):
    model = small_cnn()
    content = to_litert(model)
    images = next(mnist.test.batches(50))[0]
    expected = model.predict(images, verbose=0)
    np.testing.assert_allclose(LiteRTModel(content).run(images), expected, atol=1e-5)
    one_by_one = LiteRTModel(content)
    np.testing.assert_allclose(
        np.concatenate([one_by_one.run(images[i : i + 1]) for i in range(50)]), expected, atol=1e-5
    )


def test_the_graph_has_no_operators_that_compute_shapes(small_cnn):
    expected = ["RESHAPE", "CONV_2D", "MAX_POOL_2D", "RESHAPE", "FULLY_CONNECTED"]
    assert operators(to_litert(small_cnn())) == expected


def test_tensors_keep_short_names_that_say_what_they_are(small_cnn):
    found = names(to_litert(small_cnn()))
    assert {"conv/Conv2D", "dense/MatMul", "dense/BiasAdd", "pool/MaxPool", "flatten/Reshape"} <= set(found)
    assert not [name for name in found if ";" in name or "mnist_cnn" in name]


def test_the_signature_is_kept(small_cnn):
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(model_content=to_litert(small_cnn())).get_signature_runner("serving_default")
    outputs = runner(image=np.zeros((1, 28, 28), np.float32))
    assert [value.shape for value in outputs.values()] == [(1, 10)]


def test_weights_become_what_the_conversion_asks_for(small_cnn):
    model = small_cnn()
    dtypes = {w: {t.dtype for t in dissect(to_litert(model, Conversion(w))).kernels} for w in ("float32", "float16")}
    assert dtypes == {"float32": {"float32"}, "float16": {"float16"}}
    dynamic = dissect(to_litert(model, Conversion("dynamic_int8")))
    assert {t.name: t.dtype for t in dynamic.kernels}["dense/MatMul"] == "int8"


def test_a_model_of_several_inputs_can_be_exported(tensorflow):
    import tf_keras

    a, b = tf_keras.Input((4,), name="a"), tf_keras.Input((4,), name="b")
    model = tf_keras.Model([a, b], tf_keras.layers.Add()([a, b]))
    content = to_litert(model)
    assert len(read_model(content).subgraphs[0].inputs) == 2


def test_an_activation_with_a_gradient_of_its_own_costs_neither_names_nor_signature(tensorflow):
    import tf_keras

    inputs = tf_keras.Input((4,), name="a")
    model = tf_keras.Model(inputs, tf_keras.layers.Dense(3, activation="swish", name="b")(inputs))
    file = LiteRTModel(to_litert(model))
    assert (file.inputs[0].name, file.outputs[0].name) == ("a", "b")


@pytest.mark.parametrize("samples", [1, 3])
def test_a_model_without_reshapes_takes_many_samples(tensorflow, samples):
    import tf_keras

    model = tf_keras.Sequential([tf_keras.layers.InputLayer((5,)), tf_keras.layers.Dense(2)])
    assert LiteRTModel(to_litert(model)).run(np.ones((samples, 5), np.float32)).shape == (samples, 2)


def test_an_lstm_ships_as_one_operator_and_its_embedding_under_its_name(tensorflow):
    import tf_keras

    layers = tf_keras.layers
    model = tf_keras.Sequential([layers.InputLayer((6,)), layers.Embedding(9, 4, name="words"), layers.LSTM(3)])
    assert {"GATHER", "UNIDIRECTIONAL_SEQUENCE_LSTM"} <= set(operators(to_litert(model)))
    bare = tf_keras.Model(model.inputs, model.get_layer("words").output)
    assert [tensor.name for tensor in dissect(to_litert(bare)).kernels] == ["words/embedding_lookup"]


def test_more_than_ten_outputs_keep_their_names_and_order(tensorflow):
    import tf_keras
    from tf_keras import layers

    inputs = tf_keras.Input((2,), name="in")
    heads = [layers.Dense(index + 1, name=f"head_{index}")(inputs) for index in range(12)]
    model = tf_keras.Model(inputs, heads)
    file = LiteRTModel(to_litert(model))
    assert [(end.name, end.shape) for end in file.outputs] == [(f"head_{i}", (1, i + 1)) for i in range(12)]
    sample = np.ones((1, 2), np.float32)
    outputs = file.run(sample)
    for head, expected in zip(model.output_names, model(sample), strict=True):
        np.testing.assert_allclose(outputs[head], expected, atol=1e-6)
