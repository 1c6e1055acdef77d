"""Rewrites of a model change its layers and never its outputs."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from compressor.base.errors import StepError
from compressor.contracts.model_state import ModelState
from compressor.models.files.inputs_and_outputs import model_endings
from compressor.models.litert.conversion.converter import to_litert
from compressor.models.litert.running.interpreter import LiteRTModel
from compressor_plugins.graph.batch_norm import fold_batch_norms, separate_batch_norms
from compressor_plugins.graph.flattening import flatten
from compressor_plugins.graph.model_reader import read
from compressor_plugins.graph.operation_layers import map_operations
from compressor_plugins.graph.rewrites import listed, rewritten
from compressor_plugins.graph.row_images import convolutions_as_2d
from compressor_plugins.graph.separable_split import split_separable
from compressor_plugins.rewrite.fuse import Fuse


@pytest.fixture
def keras(tensorflow):
    import tf_keras

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)
    return tf_keras


def trained_like(model):
    """Biases and statistics as a trained model has them."""
    generator = np.random.default_rng(0)
    for variable in model.weights:
        name = variable.name.split("/")[-1]
        if name.startswith(("bias", "beta", "moving_mean")):
            variable.assign(generator.normal(0, 0.5, variable.shape))
        if name.startswith(("gamma", "moving_variance")):
            variable.assign(generator.uniform(0.5, 2, variable.shape))
    return model


def assert_same(before, after):
    generator = np.random.default_rng(1)
    inputs = [generator.normal(size=(4, *tensor.shape[1:])).astype(np.float32) for tensor in before.inputs]
    old, new = before.predict(inputs, verbose=0), after.predict(inputs, verbose=0)
    np.testing.assert_allclose(new, old, rtol=0, atol=1e-5)


def told(model, *rewrites):
    """The rewritten model, of which it was checked that its outputs are the same, and what was done."""
    changed, done = rewritten(model, rewrites)
    assert_same(model, changed)
    return changed, [str(one) for one in done if one.changed]


def again(layer):
    return type(layer).from_config(layer.get_config())


def kinds(model):
    return [type(layer).__name__ for layer in model.layers]


def test_a_graph_is_rebuilt_with_shared_layers_several_ends_and_keyword_arguments(keras):
    layers = keras.layers
    left, right = keras.Input((6, 8), name="left"), keras.Input((6, 8), name="right")
    shared = layers.Dense(8, name="shared")
    attention = layers.MultiHeadAttention(2, 4, name="attention")
    joined = attention(shared(left), value=shared(right), use_causal_mask=True)
    first = layers.Dense(2, name="first")(joined)
    second = layers.GRU(3, name="second")(joined, initial_state=layers.Dense(3)(left[:, 0]))
    model = trained_like(keras.Model([left, right], [first, second], name="both"))
    copy = read(model).build()
    assert copy.name == "both"
    assert copy.output_names == ["first", "second"]
    assert [layer.name for layer in copy.layers] == [layer.name for layer in model.layers]
    generator = np.random.default_rng(0)
    inputs = [generator.normal(size=(2, 6, 8)).astype(np.float32) for _ in range(2)]
    for old, new in zip(model.predict(inputs, verbose=0), copy.predict(inputs, verbose=0), strict=True):
        np.testing.assert_array_equal(old, new)


def test_adapted_statistics_come_along(keras):
    norm = keras.layers.Normalization()
    norm.adapt(np.random.default_rng(0).normal(3, 2, (100, 5)))
    model = keras.Sequential([keras.layers.InputLayer((5,)), norm, keras.layers.Dense(2)])
    assert_same(model, read(model).build())


def test_nested_models_are_flattened_at_any_depth_and_keep_their_names_where_they_are_free(keras):
    layers = keras.layers
    deep = keras.Sequential([layers.InputLayer((8,)), layers.Dense(8, name="within"), layers.ReLU()], name="deep")
    inputs = keras.Input((8,))
    middle = keras.Model(inputs, layers.Dense(4, name="head")(deep(inputs)), name="middle")
    outer = keras.Input((8,))
    model = trained_like(keras.Model(outer, layers.Dense(3, name="head")(middle(outer))))
    flat, done = told(model, flatten)
    assert done == ["flattened 2 nested models: middle, deep"]
    assert [layer.name for layer in flat.layers][1:] == ["within", "re_lu", "middle_head", "head"]


def test_a_nested_model_that_is_called_twice_goes_on_sharing_its_weights(keras):
    layers = keras.layers
    tower = keras.Sequential([layers.Dense(5, name="tower_dense")], name="tower")
    left, right = keras.Input((8,)), keras.Input((8,))
    model = trained_like(keras.Model([left, right], layers.Subtract()([tower(left), tower(right)])))
    flat, _ = told(model, flatten)
    assert kinds(flat) == ["InputLayer", "InputLayer", "Dense", "Subtract"]


def test_a_nested_model_told_not_to_train_passes_that_on_to_its_layers(keras):
    layers = keras.layers
    base = keras.Sequential([layers.InputLayer((4,)), layers.BatchNormalization(name="norm")], name="base")
    inputs = keras.Input((4,))
    flat, _ = told(trained_like(keras.Model(inputs, layers.Dense(2)(base(inputs, training=False)))), flatten)
    before = flat.get_layer("norm").get_weights()
    flat(np.random.default_rng(0).normal(9, 1, (8, 4)).astype(np.float32), training=True)
    np.testing.assert_array_equal(flat.get_layer("norm").get_weights(), before)


def test_batch_norms_are_folded_into_every_kind_of_layer_before_them(keras):
    layers = keras.layers
    model = keras.Sequential([layers.InputLayer((8, 8, 3))])
    for layer in (
        layers.Conv2D(4, 3, use_bias=False),
        layers.DepthwiseConv2D(3, depth_multiplier=2),
        layers.Conv2DTranspose(5, 3, strides=2),
        layers.Reshape((-1, 5)),
        layers.Conv1D(6, 3),
        layers.GlobalAveragePooling1D(),
        layers.Dense(7),
    ):
        model.add(layer)
        if layer.weights:
            model.add(layers.BatchNormalization(scale=len(model.layers) % 2 == 0))
    folded, done = told(trained_like(model), fold_batch_norms)
    assert done[0].startswith("folded 5 BatchNormalizations into the layer before: batch_normalization, ")
    assert "BatchNormalization" not in kinds(folded)


def test_a_batch_norm_stays_where_its_input_is_used_elsewhere_or_is_not_linear(keras):
    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    hidden = layers.Conv2D(4, 3, padding="same")(inputs)
    joined = layers.Add()([layers.BatchNormalization()(hidden), hidden])
    active = layers.Conv2D(4, 3, activation="relu")(joined)
    model = trained_like(keras.Model(inputs, layers.BatchNormalization()(active)))
    folded, done = told(model, fold_batch_norms)
    assert done == []
    assert kinds(folded).count("BatchNormalization") == 2


def test_frozen_layers_stay_frozen_and_are_folded_with_frozen_ones_alone(keras, step_context):
    layers = keras.layers
    model = keras.Sequential([layers.InputLayer((28, 28)), layers.Conv1D(4, 3, name="both", trainable=False)])
    model.add(layers.BatchNormalization(name="with_it", trainable=False))
    model.add(layers.Conv1D(4, 3, name="frozen", trainable=False))
    model.add(layers.BatchNormalization(name="trained"))
    model.add(layers.SeparableConv1D(4, 3, name="parts", trainable=False))
    model.add(layers.Conv1D(4, 3, name="free"))
    model.add(layers.BatchNormalization(name="still", trainable=False))
    model.add(layers.GlobalAveragePooling1D())
    context = step_context()
    fused = Fuse(Fuse.Params()).apply(trained_like(model), context)
    assert context.left_alone == {
        "trained": "'frozen' is frozen, and 'trained' is not",
        "still": "'still' is frozen, and 'free' is not",
    }
    assert context.notes == ["folded 1 BatchNormalization into the layer before: with_it"]
    rows, _ = told(fused, convolutions_as_2d, split_separable)
    frozen = {layer.name for layer in rows.layers if layer.weights and not layer.trainable}
    assert frozen == {"both", "frozen", "parts", "parts_depthwise", "still"}
    assert {layer.name for layer in rows.layers if layer.trainable_weights} == {"trained", "free"}


def test_a_batch_norm_before_its_convolution_becomes_a_depthwise_convolution_of_the_same_name(keras):
    layers = keras.layers
    model = keras.Sequential(
        [layers.InputLayer((8, 8, 3)), layers.BatchNormalization(name="pre"), layers.ReLU(), layers.Conv2D(4, 3)]
    )
    changed, done = told(trained_like(model), separate_batch_norms)
    assert done == ["made 1 BatchNormalization a 1x1 depthwise convolution: pre"]
    assert type(changed.get_layer("pre")).__name__ == "DepthwiseConv2D"


def test_a_batch_norm_over_vectors_and_sequences_becomes_one_too_but_for_that_of_raw_columns(keras):
    layers = keras.layers
    raw, last = layers.BatchNormalization(name="raw"), layers.BatchNormalization(name="last")
    one, other = keras.Input((1,), name="one"), keras.Input((1,), name="other")
    joined = layers.BatchNormalization()(layers.GaussianNoise(0.1)(layers.Concatenate()([one, other])))
    assert rewritten(keras.Model([one, other], layers.Dense(3)(joined)), [separate_batch_norms])[1] == []
    words = [layers.InputLayer((6,)), layers.Embedding(9, 3, mask_zero=True), layers.Dense(4, activation="relu")]
    masked = keras.Sequential([*words, layers.BatchNormalization(), layers.LSTM(2)])
    assert rewritten(masked, [separate_batch_norms])[1] == []
    for shape in ((6, 3), (5,)):
        parts = [layers.Dropout(0.1), raw, layers.Dense(4, activation="relu"), last]
        model = trained_like(keras.Sequential([layers.InputLayer(shape), *map(again, parts)]))
        changed, done = told(model, separate_batch_norms)
        assert done == ["made 1 BatchNormalization a 1x1 depthwise convolution: last"]
        assert kinds(changed).count("BatchNormalization") == 1
        assert changed.output_names == ["last"]
        assert changed.output_shape == model.output_shape


def test_operations_become_the_layers_that_do_the_same(keras, tensorflow):
    tf = tensorflow
    inputs = keras.Input((8, 8, 3))
    x = tf.nn.relu(inputs) * 0.5 + 1.0
    x = tf.concat([x, x / 4.0, x - 2.0], axis=-1)
    x = tf.nn.relu6(x + x)
    x = tf.reshape(tf.reduce_mean(x, [1, 2], keepdims=True), (-1, 9))
    model = keras.Model(inputs, tf.nn.softmax(tf.tanh(x)))
    changed, done = told(model, map_operations)
    assert done == ["made 12 operations a layer: tf.nn.relu, tf.math.multiply, tf.__operators__.add, tf.math.truediv "
                    "and 8 more"]  # fmt: skip
    assert kinds(changed) == [
        "InputLayer", "ReLU", "Rescaling", "Rescaling", "Rescaling", "Rescaling", "Concatenate", "Add", "ReLU",
        "GlobalAveragePooling2D", "Reshape", "Activation", "Softmax",
    ]  # fmt: skip


def test_an_operation_that_no_layer_stands_for_stays_and_is_named(keras, tensorflow):
    inputs = keras.Input((8,))
    model = keras.Model(inputs, 1.0 - tensorflow.math.cumsum(inputs, axis=1))
    _, done = rewritten(model, [map_operations])
    assert [one.left for one in done] == [
        {
            "tf.math.cumsum": "no layer stands for the operation tf.math.cumsum",
            "tf.math.subtract": "no layer stands for the operation tf.math.subtract",
        }
    ]


def test_operations_that_a_layer_would_do_otherwise_stay(keras, tensorflow):
    tf = tensorflow
    numbers = keras.Input((4,), dtype="int32")
    x = tf.one_hot(numbers + 1, 12)  # which takes no floats
    x = tf.reshape(keras.layers.Dense(3)(tf.reshape(x, (-1, 12))), (-1, 4, 3))  # of each sample four
    _, done = rewritten(keras.Model(numbers, x), [map_operations])
    assert [list(one.left) for one in done] == [["tf.__operators__.add", "tf.one_hot", "tf.reshape", "tf.reshape_1"]]


def test_separable_convolutions_are_split_in_two(keras):
    layers = keras.layers
    model = keras.Sequential(
        [layers.InputLayer((8, 8, 3)), layers.SeparableConv2D(4, 3, strides=2, depth_multiplier=2, activation="relu")]
    )
    changed, _ = told(trained_like(model), split_separable)
    assert [layer.name for layer in changed.layers][1:] == ["separable_conv2d_depthwise", "separable_conv2d"]


def test_a_layer_that_is_an_activation_gets_a_place_of_its_own_and_an_output_its_name(keras):
    layers = keras.layers
    image = keras.Input((6, 6, 2))
    twin = layers.Conv2D(2, 3, padding="same", activation=layers.LeakyReLU(0.1), name="twin")
    x = layers.Dense(4, activation=layers.PReLU(), name="dense")(layers.Flatten()(twin(twin(image))))
    model = trained_like(keras.Model(image, layers.Dense(3, activation=layers.Softmax(), name="classes")(x)))
    assert model_endings(model) == {"classes": "softmax"}
    graph = read(model)
    rebuilt = graph.build()
    assert_same(model, rebuilt)
    assert [(name, graph.layers[name].kind) for name in graph.layers if name.startswith(("twin", "dense", "cl"))] == [
        ("twin", "Conv2D"),
        ("twin_activation", "LeakyReLU"),
        ("dense", "Dense"),
        ("dense_activation", "PReLU"),
        ("classes_linear", "Dense"),
        ("classes", "Softmax"),
    ]
    assert rebuilt.output_names == ["classes"]
    assert graph.layers["classes_linear"].known_as == ("classes", "Dense")


def test_mixed_precision_becomes_float32(keras):
    layers = keras.layers
    policy = keras.mixed_precision.Policy("mixed_float16")
    model = keras.Sequential([layers.InputLayer((8,)), layers.Dense(4, dtype=policy, name="half")])
    changed, done = rewritten(model, [])
    assert [str(one) for one in done] == ["computes in float32, no longer in mixed precision: half"]
    assert changed.output.dtype == "float32"


def test_a_long_list_of_names_is_cut():
    assert listed(["a", "b", "c", "d", "e"]) == "a, b, c, d, e"
    assert listed(["a", "b", "c", "d", "e", "f"]) == "a, b, c, d and 2 more"


@pytest.fixture
def small_net(keras):
    layers = keras.layers
    inner = keras.Sequential([layers.Conv2D(4, 3, name="conv"), layers.BatchNormalization(name="norm")], name="inner")
    model = keras.Sequential(
        [layers.InputLayer((28, 28)), layers.Reshape((28, 28, 1)), inner, layers.ReLU(name="relu"), layers.Flatten()]
    )
    model.add(layers.Dense(10, name="dense"))
    return trained_like(model)


def test_the_strategy_does_all_of_it_and_says_what(small_net, step_context):
    context = step_context()
    fused = Fuse(Fuse.Params()).apply(small_net, context)
    assert kinds(fused) == ["InputLayer", "Reshape", "Conv2D", "Flatten", "Dense"]
    assert context.notes == [
        "flattened 1 nested model: inner",
        "folded 1 BatchNormalization into the layer before: norm",
        "fused 1 ReLU into the layer before: relu",
    ]


def test_outputs_keep_their_names_by_which_losses_labels_and_the_file_know_them(keras, tensorflow, step_context):
    layers = keras.layers
    inputs = keras.Input((28, 28))
    x = layers.Flatten()(inputs)
    head = keras.Sequential([layers.InputLayer((784,)), layers.Dense(4, "softmax", name="inner")], name="head")
    gain = layers.ReLU(name="gain")(layers.Dense(3, name="before")(x))
    model = keras.Model(inputs, [head(x), gain, tensorflow.tanh(layers.Dense(2)(x)), layers.Dense(2, name="plain")(x)])
    ends = model_endings(model)
    assert list(ends) == ["head", "gain", "tf.math.tanh", "plain"]
    fused = Fuse(Fuse.Params()).apply(model, step_context())
    assert model_endings(fused) == ends
    assert [end.name for end in LiteRTModel(to_litert(fused)).outputs] == list(ends)


def test_each_rewrite_can_be_switched_off(small_net, step_context):
    fused = Fuse(Fuse.Params(fold_batch_norm=False, fuse_relu=False)).apply(small_net, step_context())
    assert kinds(fused)[2:5] == ["Conv2D", "BatchNormalization", "ReLU"]
    context = step_context()
    Fuse(Fuse.Params(flatten=False, fold_batch_norm=False, fuse_relu=False)).apply(small_net, context)
    assert context.notes == ["there was nothing to rewrite"]


def test_clusters_are_not_parted_by_folding(small_net, step_context):
    context = step_context(ModelState().add("clustered"))
    Fuse(Fuse.Params()).apply(small_net, context)
    assert context.notes[0] == "folded no BatchNormalization, whose factor for each channel would part the clusters"


def test_a_subclassed_model_cannot_be_rewritten(keras, step_context):
    class Own(keras.Model):
        def call(self, inputs):
            return inputs

    with pytest.raises(StepError) as error:
        Fuse(Fuse.Params()).apply(Own(), step_context())
    assert str(error.value) == (
        "'fuse' needs a functional or sequential model; rewrite the subclassed model, or use 'ptq' alone"
    )


STEPS = 12  # of the sequences below


@st.composite
def sequence_layers(draw):
    """Layers over sequences, most of them one-dimensional convolutions, and what follows the last."""
    from tf_keras import layers

    def convolution():
        settings = {"padding": draw(st.sampled_from(["same", "valid", "causal"]))}
        settings |= draw(st.sampled_from([{}, {"strides": 2}, {"dilation_rate": 2}]))
        settings["use_bias"] = draw(st.booleans())
        kind = draw(st.sampled_from(["plain", "groups", "depthwise", "separable", "transposed"]))
        if kind == "depthwise":
            settings["padding"] = settings["padding"].replace("causal", "same")
            return layers.DepthwiseConv1D(2, depth_multiplier=draw(st.sampled_from([1, 2])), **settings)
        if kind == "transposed":
            settings["padding"] = settings["padding"].replace("causal", "same")
            return layers.Conv1DTranspose(4, 3, **settings)
        if kind == "separable":
            return layers.SeparableConv1D(4, 2, activation="relu", **settings)
        return layers.Conv1D(4, 2, groups=2 if kind == "groups" else 1, **settings)

    between = [
        layers.BatchNormalization, layers.experimental.SyncBatchNormalization, layers.ReLU,
        lambda: layers.Activation("swish"), lambda: layers.MaxPooling1D(2),
        lambda: layers.AveragePooling1D(2, padding="same"), lambda: layers.ZeroPadding1D((1, 2)),
        lambda: layers.Cropping1D((1, 0)), lambda: layers.UpSampling1D(2), lambda: layers.SpatialDropout1D(0.2),
        layers.LayerNormalization, lambda: layers.Dense(4), convolution,
    ]  # fmt: skip
    last = [
        layers.Flatten, layers.GlobalAveragePooling1D, layers.GlobalMaxPooling1D, lambda: layers.Reshape((-1, 2)),
        lambda: layers.GlobalAveragePooling1D(keepdims=True), lambda: layers.Flatten(data_format="channels_first"),
        lambda: layers.GlobalAveragePooling1D(data_format="channels_first"), convolution,
    ]  # fmt: skip
    chosen = [convolution(), *(draw(st.sampled_from(between))() for _ in range(draw(st.integers(0, 4))))]
    return [*chosen, draw(st.sampled_from(last))()]


@settings(max_examples=12, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_convolutions_over_sequences_do_the_same_over_images_of_one_row(keras, data):
    _does_the_same_over_images(keras, data)


@pytest.mark.long
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_many_convolutions_over_sequences_do_the_same_over_images_of_one_row(keras, data):
    _does_the_same_over_images(keras, data)


def _does_the_same_over_images(keras, data):
    keras.backend.clear_session()
    parts = data.draw(sequence_layers())
    try:
        model = trained_like(keras.Sequential([keras.layers.InputLayer((STEPS, 4)), *parts]))
    except ValueError:  # a sequence of no steps
        reject()
    changed, done = told(model, convolutions_as_2d)
    assert not [kind for kind in kinds(changed) if "Conv1D" in kind]
    assert done[0].startswith("gave ")
    assert changed.output_names == model.output_names
    assert changed.output_shape == model.output_shape


def test_sequences_that_stay_sequences_elsewhere_are_made_so_again(keras):
    layers = keras.layers
    entry = keras.Input((STEPS, 4))
    one, other = layers.Conv1D(6, 3, padding="causal", name="one")(entry), layers.Conv1D(6, 1, name="other")(entry)
    joined = layers.Add()([one, other])
    both = layers.Concatenate(axis=2)([joined, one])
    state = layers.LSTM(3)(both)
    model = keras.Model(entry, [layers.Dense(2)(state), layers.Conv1D(2, 1, name="steps")(both)])
    changed, done = told_of_several(model, convolutions_as_2d)
    assert done == ["gave 3 one-dimensional convolutions images of one row: one, other, steps"]
    assert kinds(changed).count("Reshape") == 3  # in, to the LSTM, and out
    assert changed.output_names[1] == "steps"


def test_a_convolution_over_sequences_of_any_length_stays_what_it_is(keras):
    for shape in ((None, 4), (5, 6, 4)):  # or one of several sequences a sample
        model = keras.Sequential([keras.layers.InputLayer(shape), keras.layers.Conv1D(4, 2, name="open")])
        _, done = rewritten(model, [convolutions_as_2d])
        assert done == []


def test_dropout_of_a_shape_and_activations_of_ones_own_stay_on_sequences(keras, tensorflow):
    layers = keras.layers

    def running(x):
        return tensorflow.cumsum(x, axis=1)

    for between in (layers.Dropout(0.2, noise_shape=(None, 1, 4)), layers.Activation(running)):
        parts = [layers.Conv1D(4, 2), between, layers.Conv1D(4, 2), layers.Flatten()]
        model = keras.Sequential([layers.InputLayer((STEPS, 4)), *parts])
        with keras.utils.custom_object_scope({"running": running}):
            changed, _ = told(model, convolutions_as_2d)
        assert next(layer for layer in changed.layers if type(layer) is type(between)).input_shape == (None, 11, 4)


def told_of_several(model, *rewrites):
    changed, done = rewritten(model, rewrites)
    sample = np.random.default_rng(1).normal(size=(4, *model.input_shape[1:])).astype(np.float32)
    for old, new in zip(model.predict(sample, verbose=0), changed.predict(sample, verbose=0), strict=True):
        np.testing.assert_allclose(new, old, rtol=0, atol=1e-5)
    return changed, [str(one) for one in done if one.changed]
