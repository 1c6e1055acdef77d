"""Post-training quantization: what each precision leaves in the file."""

import numpy as np
import pytest
from pydantic import ValidationError

from compressor.base.errors import StepError
from compressor.contracts.model_state import ModelState, Refusal
from compressor.models.litert.conversion.shrinking import shrunk
from compressor.models.litert.reading.contents import dissect
from compressor.models.litert.reading.graph_contents import float_operators
from compressor.models.litert.running.interpreter import LiteRTModel
from compressor.recipe.training_params import TrainingParams
from compressor_plugins.ptq.ptq import PTQ


@pytest.fixture(scope="module")
def trained(tensorflow, digits):
    import tf_keras

    from compressor.contracts.observer import Observer
    from compressor.training.trainer import Trainer
    from compressor_plugins.models.mnist_cnn import MNISTCNN

    tf_keras.utils.set_random_seed(0)
    model = MNISTCNN(MNISTCNN.Params()).build()
    trainer = Trainer("train", digits, 0, Observer(), [], smoke=False)
    trainer.fit(model, TrainingParams(epochs=6, batch_size=50), [], 0)
    return model


def ptq(model, context, **params):
    return PTQ(PTQ.Params(**params)).apply(model, context)


@pytest.mark.parametrize(
    ("precision", "bits", "share"),
    [("int8", 8, (0.24, 0.30)), ("dynamic", 8, (0.24, 0.30)), ("float16", 16, (0.5, 0.53))],
)
def test_each_precision_shrinks_the_file_and_keeps_accuracy(trained, step_context, digits, precision, bits, share):
    from compressor.models.litert.conversion.converter import to_litert

    context = step_context()
    content = ptq(trained, context, precision=precision)
    anatomy = dissect(content)
    assert {tensor.name: tensor.bits for tensor in anatomy.kernels}["dense/MatMul"] == bits
    assert share[0] < len(content) / len(to_litert(trained)) < share[1]
    images, labels = next(digits.test.batches(500))
    accuracy = (LiteRTModel(content).run(images).argmax(1) == labels).mean()
    assert accuracy > (trained.predict(images, verbose=0).argmax(1) == labels).mean() - 0.01


def test_dynamic_range_names_a_tensor_that_the_converter_left_in_float(trained, step_context):
    context = step_context()
    ptq(trained, context, precision="dynamic")
    assert context.left_alone == {"conv/Conv2D": "it has fewer than 1,024 values"}


def test_a_model_too_small_for_dynamic_range_is_refused_with_what_would_do(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    model = tf_keras.Sequential([layers.InputLayer((28, 28)), layers.Flatten(), layers.Dense(1)])
    with pytest.raises(StepError) as error:
        ptq(model, step_context(), precision="dynamic")
    assert str(error.value) == (
        "with dynamic activations the converter quantizes only weight tensors of 1,024 values or more, "
        "and this model has none; use precision int8"
    )


def normalizing(columns):
    import tf_keras
    from tf_keras import layers

    normalization = layers.Normalization(mean=[0.0] * columns, variance=[1.0] * columns)
    return tf_keras.Sequential([layers.InputLayer((columns,)), normalization, layers.Dense(5)])


def test_columns_that_int8_makes_nothing_of_are_told_where_the_model_scales_them_up(tensorflow, step_context):
    samples = np.linspace(-1, 1, 40)[:, None] * np.array([[100, 0.5, 50, 1]])
    context = step_context()
    context.calibration = lambda count: iter(samples.astype(np.float32)[:, None])
    ptq(normalizing(4), context)
    assert context.notes == [
        "columns 2, 4 of the input span fewer than 8 of the 256 int8 steps that all columns share; "
        "put 'qat' first, which keeps the normalization in float, or use precision int16x8 or dynamic"
    ]
    context.calibration = lambda count: iter(samples.astype(np.float32)[:, None, [0, 2, 0, 2]])
    context.notes.clear()
    ptq(normalizing(4), context)
    assert context.notes == []


def test_an_input_that_stays_what_it_is_is_told(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    model = tf_keras.Sequential([layers.InputLayer((28, 28)), layers.Flatten(), layers.Dense(2, name="end")])
    context = step_context()
    ptq(model, context, io="uint8")
    assert context.notes == []
    tokens = tf_keras.Input((4,), dtype="int32", name="tokens")
    ends = layers.Dense(2, name="end")(layers.Flatten()(layers.Embedding(9, 3)(tokens)))
    context.calibration = lambda count: iter(np.ones((8, 1, 4), np.float32))
    ptq(tf_keras.Model(tokens, ends), context, io="uint8")
    assert context.notes == ["the input 'tokens' stays int32: the layer there is not quantized"]


def test_int8_ends_have_the_range_of_the_training_images(trained, step_context):
    model = LiteRTModel(ptq(trained, step_context(), io="int8"))
    assert (model.inputs[0].dtype, model.inputs[0].zero_point, model.outputs[0].dtype) == ("int8", -128, "int8")
    assert model.inputs[0].scale == pytest.approx(1 / 255, rel=1e-3)


def test_calibration_is_drawn_from_the_training_split_by_the_seed(trained, step_context, digits):
    calls = []
    context = step_context()
    original = context.calibration

    def recorded(samples):
        calls.append(seen := [])
        return (seen.append(features) or features for features in original(samples))

    context.calibration = recorded
    ptq(trained, context, calibration_samples=7)
    seen, tried = calls  # to calibrate, and to see that the file runs
    drawn = np.random.default_rng(0).permutation(digits.train.size)[:7]
    expected = digits.train.samples.inputs[drawn].astype(np.float32) * np.float32(1 / 255)
    np.testing.assert_array_equal(np.concatenate(seen), expected)
    assert len(tried) == 1


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"precision": "float16", "io": "int8"}, "io int8 needs int8 activations, not float32"),
        ({"precision": "int16x8", "io": "uint8"}, "io uint8 needs int8 activations, not int16"),
        ({"io": "int16"}, "io int16 needs int16 activations, not int8"),
        (
            {"precision": "float16", "algorithm": "mse"},
            "float16 weights are only cast: they need float32 activations, algorithm min_max and granularity channel",
        ),
        ({"precision": "int4", "granularity": "block_32"}, "block_32 needs dynamic activations, not float32"),
        (
            {"precision": "int4", "activations": "dynamic", "granularity": "block_32", "algorithm": "mse"},
            "algorithm mse does not support weights in blocks",
        ),
    ],
)
def test_parameters_that_do_not_go_together_are_refused(given, reason):
    with pytest.raises(ValidationError) as error:
        PTQ.Params(**given)
    assert error.value.errors()[0]["msg"] == f"Value error, {reason}"


def test_another_precision_after_training_for_int8_is_refused():
    with pytest.raises(Refusal) as refusal:
        PTQ(PTQ.Params(precision="float16")).plan(ModelState().add("quantization_aware"))
    assert refusal.value.reason == "with precision float16 would waste the training for int8; use precision int8"


def test_after_training_the_file_that_was_measured_is_taken_where_it_is_what_was_asked_for(
    trained, small_cnn, step_context
):
    state = ModelState().add("quantization_aware")
    measured = ptq(small_cnn(), step_context(state))  # of another model, to know it by
    assert ptq(trained, step_context(state)) != measured
    assert ptq(trained, step_context(state, converted=measured)) == measured
    assert ptq(trained, step_context(state, converted=measured), calibration_samples=100) != measured


@pytest.mark.parametrize(
    ("algorithm", "trait", "reason"),
    [
        ("gptq", "sparse", "with algorithm gptq loses zeros; use octav, which keeps them"),
        ("hadamard", "sparse", "with algorithm hadamard loses zeros; use octav, which keeps them"),
        ("oscar", "clustered", "with algorithm oscar loses clusters; use octav, which keeps them"),
        ("recovery", "clustered", "with algorithm recovery loses clusters; use octav, which keeps them"),
    ],
)
def test_an_algorithm_that_would_lose_earlier_work_is_refused(algorithm, trait, reason):
    with pytest.raises(Refusal) as refusal:
        PTQ(PTQ.Params(precision="int4", algorithm=algorithm)).plan(ModelState().add(trait))
    assert refusal.value.reason == reason


def test_scales_of_blocks_that_would_part_clusters_are_refused():
    blocks = PTQ(PTQ.Params(precision="int4", activations="dynamic", granularity="block_32"))
    assert "quantized" in blocks.plan(ModelState()).traits
    with pytest.raises(Refusal) as refusal:
        blocks.plan(ModelState().add("clustered"))
    assert refusal.value.reason == "with granularity block_32 loses clusters; use channel, which keeps them"


def test_a_quantized_model_is_refused_before_anything_runs():
    after = PTQ(PTQ.Params(precision="float16")).plan(ModelState())
    assert after == ModelState("litert", frozenset({"quantized"}))
    with pytest.raises(Refusal) as refusal:
        PTQ(PTQ.Params()).plan(after)
    assert (refusal.value.trait, refusal.value.reason) == (
        "quantized",
        "cannot work on a model with quantized weights",
    )


def test_without_litert_quantizer_what_needs_it_is_refused(monkeypatch):
    monkeypatch.setattr("compressor_plugins.ptq.ptq.find_spec", lambda name: None)
    PTQ(PTQ.Params()).plan(ModelState())
    with pytest.raises(Refusal) as refusal:
        PTQ(PTQ.Params()).plan(ModelState("litert"))
    assert refusal.value.reason == (
        "needs litert-quantizer, which is not installed; on Linux and macOS 'pip install litert-quantizer' installs it"
    )


@pytest.fixture(scope="module")
def mobile(tensorflow):
    """A small model with each kind of convolution, a BatchNormalization that hides a layer's name, and dense layers."""
    import tf_keras
    from tf_keras import layers

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)
    return tf_keras.Sequential(
        [
            layers.InputLayer((28, 28), name="image"),
            layers.Reshape((28, 28, 1)),
            layers.Conv2D(8, 3, strides=2, use_bias=False, name="conv"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.DepthwiseConv2D(3, activation="relu", name="depthwise"),
            layers.Conv2D(32, 1, activation="relu", name="pointwise"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(32, activation="relu", name="hidden"),
            layers.Dense(10, name="head"),
        ]
    )


@pytest.fixture(scope="module")
def mobile_file(mobile):
    from compressor.models.litert.conversion.converter import to_litert

    return to_litert(mobile)


def dtypes(content):
    return {tensor.shape: tensor.dtype for tensor in dissect(content).kernels}


CONV, DEPTHWISE, POINTWISE, HIDDEN, HEAD = (8, 3, 3, 1), (1, 3, 3, 8), (32, 1, 1, 8), (32, 32), (10, 32)
ALL = (CONV, DEPTHWISE, POINTWISE, HIDDEN, HEAD)


def apart(content, reference, digits, samples=64):
    """The root mean square difference of a file's outputs to another's, as a share of these."""
    images = next(digits.test.batches(samples))[0]
    one, other = LiteRTModel(content), LiteRTModel(reference)
    found = np.concatenate([one.run(image[None]) for image in images])
    expected = other.run(images)
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


@pytest.mark.parametrize(
    ("given", "dtype", "operators", "most"),
    [
        ({"precision": "int4"}, "int4", ["DEQUANTIZE"], 0.3),
        ({"precision": "int4", "algorithm": "octav", "activations": "int8"}, "int4", ["QUANTIZE"], 0.3),
        ({"precision": "int8", "activations": "float32"}, "int8", ["DEQUANTIZE"], 0.02),
        ({"precision": "int8", "activations": "dynamic", "granularity": "tensor"}, "int8", [], 0.05),
        ({"precision": "int2", "algorithm": "octav"}, "int2", ["DEQUANTIZE"], 2.0),
    ],
    ids=lambda value: str(value),
)
def test_every_weight_has_the_bits_that_were_asked_for(
    mobile_file, step_context, digits, given, dtype, operators, most
):
    context = step_context()
    content = ptq(mobile_file, context, calibration_samples=32, **given)
    assert dtypes(content) == dict.fromkeys(ALL, dtype)
    assert context.left_alone == {}
    assert set(operators) <= set(operators_of(content))
    assert apart(content, mobile_file, digits) < most
    ends = LiteRTModel(content)
    assert (ends.inputs[0].name, ends.inputs[0].dtype, ends.outputs[0].dtype) == ("image", "float32", "float32")


def cloned(model):
    import tf_keras

    return tf_keras.models.clone_model(model)


def operators_of(content):
    from tensorflow.lite.python import schema_py_generated as schema

    from compressor.models.litert.format.flatbuffer import read_model

    names = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    model = read_model(content)
    return [names[model.operatorCodes[op.opcodeIndex].builtinCode] for op in model.subgraphs[0].operators]


def test_each_layer_may_have_another_type(mobile_file, step_context):
    content = ptq(
        mobile_file,
        step_context(),
        calibration_samples=8,
        per_layer={"type:Conv2D": "int4", "conv": "float32", "hidden": "int4", "h*d": "float16"},
    )
    assert dtypes(content) == {
        CONV: "float32", DEPTHWISE: "int8", POINTWISE: "int4", HIDDEN: "int4", HEAD: "float16",
    }  # fmt: skip


def test_layers_are_known_by_their_names_whatever_the_converter_calls_them(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    parts = [layers.Dense(8, name="hidden", use_bias=False), layers.BatchNormalization(), layers.ReLU(name="relu")]
    model = tf_keras.Sequential([layers.InputLayer((28, 28)), layers.Flatten(), *parts, layers.Dense(10)])
    content = ptq(model, step_context(), precision="int4", per_layer={"hidden": "int8"})
    assert {tensor.name: tensor.dtype for tensor in dissect(content).kernels} == {
        "relu/Relu": "int8",
        "dense/MatMul": "int4",
    }


def test_a_pattern_that_matches_no_layer_of_the_file_is_an_error(mobile_file, step_context):
    with pytest.raises(StepError) as error:
        ptq(mobile_file, step_context(), per_layer={"convolution": "int4"})
    assert str(error.value) == (
        "'per_layer' names 'convolution', and the file's layers with weights are conv, depthwise, pointwise, hidden, "
        "head; name one of these, or a type"
    )


@pytest.mark.parametrize(
    ("precision", "io"), [("int8", "uint8"), ("int8", "int8"), ("int16x8", "int16"), ("int16x8", "float32")]
)
def test_a_float_file_is_quantized_as_a_keras_model_is(mobile, mobile_file, step_context, digits, precision, io):
    for model in (mobile, mobile_file) if io in ("uint8", "int16") else (mobile_file,):
        content = ptq(model, step_context(), precision=precision, io=io, calibration_samples=64)
        assert dtypes(content) == dict.fromkeys(ALL, "int8")
        ends = LiteRTModel(content)
        assert (ends.inputs[0].dtype, ends.outputs[0].dtype) == (io, io)
        assert apart(content, mobile_file, digits) < (0.04 if precision == "int8" else 0.02)


def test_a_slim_file_is_quantized_as_it_was_before(mobile_file, step_context):
    slim = shrunk(mobile_file, False, False)  # without any name
    before, after = (
        dissect(ptq(content, step_context(ModelState("litert")), precision="int4", calibration_samples=4))
        for content in (mobile_file, slim)
    )
    assert [(kernel.shape, kernel.dtype) for kernel in after.kernels] == [
        (kernel.shape, kernel.dtype) for kernel in before.kernels
    ]


def test_ranges_are_those_of_all_samples_not_of_the_last_few(mobile_file, step_context, digits):
    content = ptq(mobile_file, step_context(), io="int8", calibration_samples=64)
    assert LiteRTModel(content).inputs[0].scale == pytest.approx(1 / 255, rel=1e-3)


def test_what_litert_computes_wrongly_in_integers_computes_in_float_and_is_named(mobile_file, step_context, digits):
    # INT2 convolutions give NaN with dynamic activations, and INT2 dense layers with int8 ones are far off
    context = step_context()
    content = ptq(mobile_file, context, precision="int2", algorithm="octav", activations="int8", calibration_samples=32)
    assert context.notes == [
        f"{kind} with int2 weights computes in float, for LiteRT has no other right: {layers}"
        for kind, layers in (
            ("Conv2D", "conv, pointwise"),
            ("DepthwiseConv2D", "depthwise"),
            ("Dense", "hidden, head"),
        )
    ]
    weights_only = ptq(mobile_file, step_context(), precision="int2", algorithm="octav")
    assert apart(content, weights_only, digits) < 0.3


def test_blocks_are_for_dense_layers_that_they_divide(mobile_file, step_context, digits):
    from compressor.models.litert.format.flatbuffer import has_block_scales, read_model

    context = step_context()
    given = {"precision": "int4", "activations": "dynamic", "granularity": "block_32"}
    content = ptq(mobile_file, context, **given)
    assert sum(map(has_block_scales, read_model(content).subgraphs[0].tensors)) == 2
    assert {tensor.dtype for tensor in dissect(content).kernels} == {"int4"}  # and the scales are no weights
    assert (
        "a scale for each channel, for only int4 dense layers have blocks: conv, depthwise, pointwise" in context.notes
    )
    assert apart(content, mobile_file, digits) < 0.3
    with pytest.raises(StepError) as error:
        ptq(mobile_file, step_context(), **{**given, "granularity": "block_64"})
    assert str(error.value) == (
        "no layer can have weights in blocks of 64; take a smaller block, which must divide a dense layer's inputs, "
        "or 'channel'"
    )


@pytest.mark.parametrize("algorithm", ["gptq", "oscar", "hadamard", "mse"])
def test_each_algorithm_quantizes_what_it_knows_and_says_what_it_does_not(mobile_file, step_context, digits, algorithm):
    context = step_context()
    content = ptq(
        mobile_file, context, precision="int4", activations="int8", algorithm=algorithm, calibration_samples=64
    )
    names = {tensor.name for tensor in dissect(mobile_file).kernels}
    assert {tensor.dtype for tensor in dissect(content).kernels if tensor.name in names} == {"int4"}
    assert apart(content, mobile_file, digits) < 0.4
    expected = (
        []
        if algorithm == "mse"
        else [
            f"{algorithm} does not know Conv2D, so min_max was used: conv, pointwise",
            f"{algorithm} does not know DepthwiseConv2D, so min_max was used: depthwise",
        ]
    )
    assert context.notes == expected


def test_gptq_behind_a_layer_that_only_moves_values_is_not_left_half_done(tensorflow, step_context, digits):
    # litert-quantizer loses what it saw of a Reshape's output, and then leaves floats in an INT4 tensor
    import tf_keras
    from tf_keras import layers

    from compressor.models.litert.conversion.converter import to_litert

    model = tf_keras.Sequential(
        [
            layers.InputLayer((28, 28)),
            layers.AveragePooling1D(2),
            layers.MaxPooling1D(2),
            layers.Flatten(),
            layers.Dense(10, name="head"),
        ]
    )
    content = ptq(model, step_context(), precision="int4", activations="int8", algorithm="gptq", calibration_samples=64)
    (kernel,) = dissect(content).kernels
    assert (kernel.dtype, kernel.bytes) == ("int4", 10 * 196 // 2)
    assert apart(content, to_litert(model), digits) < 0.2


def test_weights_on_a_grid_are_recovered_exactly_and_others_refused(mobile, mobile_file, step_context, digits):
    from compressor.models.litert.conversion.converter import to_litert

    model = cloned(mobile)
    generator = np.random.default_rng(0)
    for layer in model.layers:
        if layer.name in ("conv", "pointwise", "hidden", "head"):
            kernel, *rest = layer.get_weights()
            steps = generator.integers(-5, 6, kernel.shape)  # whose largest is not the type's largest
            layer.set_weights([(steps * 0.03).astype(np.float32), *rest])
    file = to_litert(model)
    content = ptq(file, step_context(), precision="int4", algorithm="recovery", per_layer={"depthwise": "float32"})
    assert apart(content, file, digits) < 1e-3
    with pytest.raises(StepError) as error:
        ptq(mobile_file, step_context(), precision="int4", algorithm="recovery")
    assert str(error.value) == (
        "the weights of 'conv' are on no grid of 7 steps a side to recover; "
        "use 'min_max' or 'octav', or train with quantization first"
    )


def test_zeros_stay_zeros_in_every_type(mobile, step_context):
    from compressor.models.litert.conversion.converter import to_litert

    model = cloned(mobile)
    generator = np.random.default_rng(0)
    model.set_weights([w * (generator.random(w.shape) < 0.3) if w.ndim > 1 else w for w in mobile.get_weights()])
    file = to_litert(model)
    before = {tensor.shape: tensor.zeros for tensor in dissect(file).kernels}
    for precision in ("int8", "int4", "int2"):
        content = ptq(file, step_context(), precision=precision, activations="float32", algorithm="octav")
        assert all(tensor.zeros >= before[tensor.shape] > 9 for tensor in dissect(content).kernels)


def test_a_file_that_is_quantized_already_is_refused_and_never_handed_back(mobile_file, step_context):
    for precision, reason in (("int8", "is quantized already ('"), ("float16", "'s weights are float16 already ('")):
        file = ptq(mobile_file, step_context(), precision=precision, calibration_samples=4)
        with pytest.raises(StepError) as error:
            ptq(file, step_context(), precision="int4")
        assert reason in str(error.value)
        assert str(error.value).endswith("file that it was made from")


def test_weights_stored_sparsely_are_refused(mobile_file, step_context):
    from ai_edge_litert import schema_py_generated as schema

    from compressor.models.litert.format.flatbuffer import read_model, write_model

    file = read_model(mobile_file)
    tensor = next(tensor for tensor in file.subgraphs[0].tensors if tensor.name == b"head/MatMul")
    tensor.sparsity = schema.SparsityParametersT()
    with pytest.raises(StepError) as error:
        ptq(write_model(file), step_context(), precision="int4")
    assert str(error.value) == (
        "the file's weights are stored sparsely ('head/MatMul'); give the dense float file that it was made from"
    )


def test_nothing_of_litert_quantizer_reaches_the_screen(mobile_file, step_context, capfd):
    ptq(mobile_file, step_context(), precision="int4", activations="int8", algorithm="oscar", calibration_samples=32)
    said = capfd.readouterr()
    assert "Calibration" not in said.out + said.err
    assert "WARNING" not in said.out + said.err


def test_the_loop_of_a_gru_is_taken_step_by_step_and_an_lstm_becomes_one_operator(tensorflow, step_context, digits):
    # LiteRT's calibrator takes the whole process down with a loop
    import tf_keras
    from tf_keras import layers

    images = next(digits.test.batches(1))[0]
    unrolled = "computed step by step instead of in a loop, which has no integers: gru"
    for layer, said in ((layers.GRU(5, name="gru"), [unrolled]), (layers.LSTM(5), [])):
        tf_keras.utils.set_random_seed(0)
        model = tf_keras.Sequential([layers.InputLayer((28, 28)), layer, layers.Dense(10)])
        expected = model.predict(images, verbose=0)
        context = step_context()
        content = PTQ(PTQ.Params()).apply(model, context)
        assert context.notes == said
        assert float_operators(content) == ()
        assert np.abs(LiteRTModel(content).run(images) - expected).max() < 0.1 * np.abs(expected).max()
        assert np.array_equal(model.predict(images, verbose=0), expected)  # the model itself still loops


def test_a_loop_that_cannot_be_unrolled_is_refused(tensorflow, step_context, digits):
    import tf_keras
    from tf_keras import layers

    images = layers.Reshape((7, 4, 28, 1))
    model = tf_keras.Sequential([layers.InputLayer((28, 28)), images, layers.ConvLSTM2D(2, 3), layers.Flatten()])
    with pytest.raises(StepError) as error:
        PTQ(PTQ.Params(calibration_samples=4)).apply(model, step_context())
    assert str(error.value) == (
        "the model holds a loop that cannot be unrolled, as ConvLSTM2D makes, and calibration cannot run loops; "
        "use 'precision: dynamic', or put 'qat' before this step"
    )
    long = tf_keras.Sequential([layers.InputLayer((257, 2)), layers.SimpleRNN(2, name="rnn")])
    with pytest.raises(StepError) as error:
        PTQ(PTQ.Params(calibration_samples=4)).apply(long, step_context())
    assert str(error.value) == (
        "'rnn' (SimpleRNN) loops over 257 steps, and loops compute in float alone; "
        "use 'precision: dynamic', or give the model at most 256 steps"
    )


def test_an_lstm_whose_file_takes_one_sample_a_call_is_calibrated_so(tensorflow, step_context, digits):
    import tf_keras
    from tf_keras import layers

    tf_keras.utils.set_random_seed(0)
    model = tf_keras.Sequential([layers.InputLayer((28, 28)), layers.LSTM(8), layers.Dense(10, name="head")])
    given = {"algorithm": "octav", "calibration_samples": 16}
    content = PTQ(PTQ.Params(**given)).apply(model, step_context())
    assert {tensor.dtype for tensor in dissect(content).kernels if tensor.shape == (10, 8)} == {"int8"}
    images = next(digits.test.batches(1))[0]
    expected = model.predict(images, verbose=0)
    assert np.abs(LiteRTModel(content).run(images) - expected).max() < 0.05 * np.abs(expected).max()


def test_a_file_that_litert_does_not_run_is_no_result(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    model = tf_keras.Sequential([layers.InputLayer((28, 28)), layers.LayerNormalization(), layers.Flatten()])
    with pytest.raises(StepError) as error:
        PTQ(PTQ.Params(precision="int16x8", calibration_samples=4)).apply(model, step_context())
    assert str(error.value).startswith("the quantized model: the file fails on samples of the data at the operator ")
    assert str(error.value).endswith(
        "); keep that operator in float, by another precision, or write it with other operations"
    )


def test_bias_correction_takes_the_mean_error_off_the_outputs(mobile_file, step_context, digits):
    images = next(digits.test.batches(200))[0]
    expected = LiteRTModel(mobile_file).run(images)
    off = {}
    for corrected in (False, True):
        context = step_context()
        content = ptq(mobile_file, context, precision="int4", bias_correction=corrected, calibration_samples=64)
        assert dtypes(content) == dict.fromkeys(ALL, "int4")
        off[corrected] = np.abs((LiteRTModel(content).run(images) - expected).mean(axis=0)).mean()
    assert off[True] < 0.8 * off[False]
    assert context.notes == []


def test_bias_correction_is_exact_for_one_layer_on_the_samples_it_saw(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    from compressor.models.litert.conversion.converter import to_litert

    model = tf_keras.Sequential([layers.InputLayer((28, 28)), layers.Flatten(), layers.Dense(10, name="head")])
    file = to_litert(model)
    images = np.concatenate(list(step_context().calibration(64)))
    given = {"precision": "int2", "algorithm": "octav", "calibration_samples": 64}
    plain, corrected = (ptq(file, step_context(), bias_correction=on, **given) for on in (False, True))
    expected = LiteRTModel(file).run(images)
    before, after = ((LiteRTModel(one).run(images) - expected).mean(axis=0) for one in (plain, corrected))
    assert np.abs(before).max() > 0.01
    assert np.abs(after).max() < 1e-5
