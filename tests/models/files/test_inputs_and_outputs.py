"""Models with several inputs and outputs, in sequences and in half precision, as files: every end has its own name."""

import numpy as np
import pytest

from compressor.base.errors import ModelError, StepError
from compressor.models.files.inputs_and_outputs import model_endings
from compressor.models.litert.conversion.converter import Conversion, to_litert
from compressor.models.litert.conversion.endpoint_names import input_names, output_names
from compressor.models.litert.format.flatbuffer import read_model, write_model
from compressor.models.litert.reading.output_operators import file_endings
from compressor.models.litert.running.interpreter import LiteRTModel, _each_alone, takes_many

GENERATOR = np.random.default_rng(0)


@pytest.fixture
def keras(tensorflow):
    import tf_keras

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)
    return tf_keras


@pytest.fixture
def ends(keras):
    """Two inputs of one shape, and two outputs of one shape, none of which may be taken for the other."""
    left, right = keras.Input((4,), name="left-in"), keras.Input((4,), name="right/in")
    difference = keras.layers.Subtract()([left, right])
    angle = keras.layers.Dense(3, name="angle")(difference)
    kind = keras.layers.Dense(3, activation="softmax", name="a_kind")(keras.layers.Concatenate()([left, difference]))
    return left, right, angle, kind


def samples(count=5):
    return {name: GENERATOR.normal(size=(count, 4)).astype(np.float32) for name in ("left-in", "right/in")}


@pytest.mark.parametrize("order", ["as made", "swapped"])
def test_inputs_and_outputs_of_equal_shape_go_by_keras_names(keras, ends, order):
    left, right, angle, kind = ends
    swapped = order == "swapped"
    model = keras.Model([right, left], [kind, angle]) if swapped else keras.Model([left, right], [angle, kind])
    data = samples()
    given = [data["right/in"], data["left-in"]] if swapped else [data["left-in"], data["right/in"]]
    expected = dict(zip(["a_kind", "angle"] if swapped else ["angle", "a_kind"], model(given), strict=True))
    file = LiteRTModel(to_litert(model))
    assert [end.name for end in file.inputs] == (["right/in", "left-in"] if swapped else ["left-in", "right/in"])
    assert [end.name for end in file.outputs] == list(expected)
    for shuffled in (data, dict(reversed(data.items()))):
        found = file.run(shuffled)
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], values, atol=1e-6)


def test_a_model_of_mappings_goes_by_its_own_keys(keras, ends):
    left, right, angle, kind = ends
    model = keras.Model({"z": left, "b": right}, {"q": angle, "p": kind})
    assert (input_names(model), output_names(model)) == (["b", "z"], ["p", "q"])
    data = dict(zip(("z", "b"), samples().values(), strict=True))
    expected, found = model(data), LiteRTModel(to_litert(model)).run(data)
    assert list(found) == ["p", "q"]
    for name in found:
        np.testing.assert_allclose(found[name], expected[name], atol=1e-6)


def test_calibration_samples_go_by_name_too(keras, ends):
    left, right, angle, kind = ends
    model = keras.Model([left, right], [angle, kind])
    data = samples(200)
    ones = ({name: values[i : i + 1] for name, values in reversed(data.items())} for i in range(200))
    content = to_litert(model, Conversion("int8", "int8", ones))
    found, expected = LiteRTModel(content).run(data), model([data["left-in"], data["right/in"]])
    assert {end.dtype for end in LiteRTModel(content).inputs} == {"int8"}
    for name, values in zip(("angle", "a_kind"), expected, strict=True):
        assert np.abs(found[name] - values).max() < 0.05 * np.ptp(values)


def test_model_and_file_agree_on_what_outputs_end_in(keras, ends):
    left, right, angle, kind = ends
    yes = keras.layers.Reshape((1, 1))(keras.layers.Dense(1, activation="sigmoid", name="yes")(angle))
    model = keras.Model([left, right], [angle, kind, yes])
    assert model_endings(model) == {"angle": "linear", "a_kind": "softmax", "reshape": "sigmoid"}
    assert file_endings(to_litert(model)) == ("linear", "softmax", "sigmoid")


def test_a_file_says_which_input_the_data_lacks(keras, ends):
    left, right, angle, _ = ends
    file = LiteRTModel(to_litert(keras.Model([left, right], angle)))
    data = samples()
    with pytest.raises(ModelError) as error:
        file.run({"left": data["left-in"], "right/in": data["right/in"]})
    assert str(error.value) == (
        "the file takes left-in, right/in, and the data has left, right/in; "
        "give the data left-in, or call its parts as the model's inputs are"
    )
    with pytest.raises(ModelError) as error:
        file.run(data["left-in"])
    assert str(error.value) == (
        "the file takes 2 inputs (left-in, right/in), and the data has one without a name; "
        "give the data as a mapping by these names"
    )


def test_a_reshape_gets_a_shape_of_its_own_where_it_shares_one(keras):
    image = keras.Input((6,), name="image")
    model = keras.Model(image, keras.layers.Reshape((2, 3), name="reshape")(image))
    file = read_model(to_litert(model))
    (operator,) = file.subgraphs[0].operators
    shape = file.subgraphs[0].tensors[operator.inputs[1]]
    kept = [bytes(buffer.data) for buffer in file.buffers if buffer.data is not None and len(buffer.data) == 12]
    assert np.frombuffer(bytes(file.buffers[shape.buffer].data), np.int32).tolist() == [-1, 2, 3]
    assert np.array([1, 2, 3], np.int32).tobytes() in kept
    assert LiteRTModel(write_model(file)).run(np.ones((4, 6), np.float32)).shape == (4, 2, 3)


def sequence_layers(keras):
    layers = keras.layers
    return {
        "LSTM": lambda x: layers.LSTM(5)(x),
        "GRU": lambda x: layers.GRU(5)(x),
        "Bidirectional": lambda x: layers.Bidirectional(layers.LSTM(5, return_sequences=True))(x),
        "MultiHeadAttention": lambda x: layers.LayerNormalization()(layers.MultiHeadAttention(2, 4)(x, x)),
    }


@pytest.mark.parametrize("name", ["LSTM", "GRU", "Bidirectional", "MultiHeadAttention"])
def test_sequence_models_give_the_same_in_the_file_sample_after_sample(keras, name):
    tokens = keras.Input((6,), dtype="int32", name="tokens")
    made = sequence_layers(keras)[name](keras.layers.Embedding(10, 8)(tokens))
    model = keras.Model(tokens, keras.layers.Dense(2)(made))
    content, data = to_litert(model), GENERATOR.integers(0, 10, (4, 6)).astype(np.float32)
    file = LiteRTModel(content)
    assert file.inputs[0].dtype == "int32"
    for _ in range(2):  # an LSTM that kept its state would give something else the second time
        np.testing.assert_allclose(_each_alone(file, data), model(data), atol=1e-5)
    assert not takes_many(content, data)  # traced for one sample, and found out to be


def test_an_open_length_is_refused_with_the_way_out(keras):
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    model = keras.Model(tokens, keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(10, 8)(tokens)))
    with pytest.raises(StepError) as error:
        to_litert(model)
    assert str(error.value) == (
        "the input 'tokens' of the model has the shape (None, None), which leaves a size open; "
        "build the model with a fixed size, such as Input((128,)), and load its weights"
    )


@pytest.mark.parametrize("policy", ["mixed_float16", "float16"])
def test_a_model_in_half_precision_ships_in_float32(keras, policy):
    from compressor.models.litert.reading.contents import dissect

    layers = keras.layers
    image = keras.Input((6, 6, 2), name="image")
    inner = keras.Sequential(
        [layers.InputLayer((6, 6, 2)), layers.Conv2D(3, 3, activation="relu", dtype=policy)], name="inner"
    )
    end = layers.Dense(2, dtype=policy)(layers.Flatten(dtype=policy)(inner(image)))
    model = keras.Model(image, layers.Activation("softmax", dtype="float32")(end))
    content, data = to_litert(model), GENERATOR.normal(size=(3, 6, 6, 2)).astype(np.float32)
    assert {tensor.dtype for tensor in dissect(content).tensors} == {"float32"}
    np.testing.assert_allclose(LiteRTModel(content).run(data), model(data), atol=2e-3)


def test_an_input_of_halves_takes_floats(keras):
    halves = keras.Input((8,), dtype="float16", name="halves")
    model = keras.Model(halves, keras.layers.Dense(3)(halves))
    file, data = LiteRTModel(to_litert(model)), GENERATOR.normal(size=(5, 8)).astype(np.float16)
    assert file.inputs[0].dtype == "float16"
    np.testing.assert_allclose(file.run(data.astype(np.float32)), model(data), atol=1e-5)


def test_a_layer_used_twice_gives_two_outputs(keras):
    shared, x = keras.layers.Dense(3, name="head"), keras.Input((8,), name="x")
    model = keras.Model(x, [shared(x), shared(keras.layers.ReLU()(x))])
    found = LiteRTModel(to_litert(model)).run(np.full((2, 8), -1, np.float32))
    assert list(found) == ["head", "head_1"]
    np.testing.assert_allclose(found["head_1"], 0, atol=1e-6)
    assert np.abs(found["head"]).max() > 0.1


def test_a_quantized_graph_that_the_fast_kernels_refuse_runs_on_the_plain_ones(keras):
    from ai_edge_litert.interpreter import Interpreter

    data = GENERATOR.uniform(size=(20, 8, 8, 1)).astype(np.float32)
    model = keras.Sequential([keras.layers.InputLayer((8, 8, 1)), keras.layers.Conv2D(4, 1, kernel_initializer="ones")])
    file = read_model(to_litert(model, Conversion("int8", calibration=iter(data[:, None]))))
    (made,) = (call.outputs[0] for call in file.subgraphs[0].operators if len(call.inputs) > 1)
    tiny = np.array([1e-9], np.float32)  # steps of a layer that is nearly dead
    file.subgraphs[0].tensors[made].quantization.scale = tiny
    content = write_model(file)
    with pytest.raises(RuntimeError, match="XNNPACK"):
        Interpreter(model_content=content).allocate_tensors()
    assert np.abs(LiteRTModel(content).run(data[:3])).max() < 1e-5
