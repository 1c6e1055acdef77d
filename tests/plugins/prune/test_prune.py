"""Pruning: the sparsity asked for is the sparsity in the file, on runs of any length."""

import numpy as np
import pytest
from pydantic import ValidationError

from compressor.base.errors import StepError
from compressor.contracts.model_state import ModelState
from compressor.models.litert.conversion.converter import to_litert
from compressor.models.litert.reading.contents import dissect
from compressor_plugins.prune.prune import Prune
from compressor_plugins.shared.kernels import kernels_of


def prune(model, context, **params):
    return Prune(Prune.Params(**{"epochs": 1, "batch_size": 200, **params})).apply(model, context)


def zeros(model):
    return {tensor.name: tensor.zeros / tensor.size for tensor in dissect(to_litert(model)).kernels}


@pytest.mark.parametrize(("epochs", "batch_size"), [(1, 2000), (1, 1000), (1, 200), (3, 100), (1, 15)])
def test_the_target_is_reached_whether_training_is_one_step_or_many(small_cnn, step_context, epochs, batch_size):
    # tfmot's own default of an update every 100 steps leaves short runs at 0 % without a word
    pruned = prune(small_cnn(), step_context(), final_sparsity=0.8, epochs=epochs, batch_size=batch_size)
    assert zeros(pruned) == pytest.approx({"conv/Conv2D": 86 / 108, "dense/MatMul": 0.8}, abs=1e-9)


@pytest.mark.parametrize("ramp", [0.01, 0.37, 1.0])
def test_the_target_is_reached_however_long_the_ramp(small_cnn, step_context, ramp):
    assert zeros(prune(small_cnn(), step_context(), ramp=ramp))["dense/MatMul"] == 0.8


def test_constant_sparsity_is_there_from_the_first_step(small_cnn, step_context):
    pruned = prune(small_cnn(), step_context(), schedule="constant", final_sparsity=0.6, batch_size=2000)
    assert zeros(pruned)["dense/MatMul"] == 0.6


def test_the_result_is_a_plain_model_of_the_same_layers(small_cnn, step_context):
    model = small_cnn()
    names = [layer.name for layer in model.layers]
    pruned = prune(model, step_context())
    assert [layer.name for layer in pruned.layers] == names
    assert [weight.shape for weight in pruned.get_weights()] == [weight.shape for weight in model.get_weights()]


def test_a_pruned_model_can_be_pruned_further(small_cnn, step_context):
    once = prune(small_cnn(), step_context(), final_sparsity=0.5, initial_sparsity=0.2)
    twice = prune(once, step_context(), final_sparsity=0.9, initial_sparsity=0.5)
    assert zeros(twice)["dense/MatMul"] == 0.9


def test_layers_are_chosen_by_name_type_and_exception(small_cnn, step_context):
    only_dense = zeros(prune(small_cnn(), step_context(), layers=["type:Dense"]))
    not_dense = zeros(prune(small_cnn(), step_context(), **{"except": ["den*"]}))
    assert (only_dense["conv/Conv2D"], only_dense["dense/MatMul"]) == (0, 0.8)
    assert (not_dense["conv/Conv2D"], not_dense["dense/MatMul"]) == (pytest.approx(86 / 108), 0)


def test_accuracy_survives(small_cnn, step_context, digits):
    context = step_context()
    model = small_cnn()
    from compressor.recipe.training_params import TrainingParams

    context.fit(model, TrainingParams(epochs=6, batch_size=50))
    pruned = prune(model, context, epochs=4, batch_size=50, final_sparsity=0.7)
    images, labels = next(digits.test.batches(500))
    before = (model.predict(images, verbose=0).argmax(1) == labels).mean()
    after = (pruned.predict(images, verbose=0).argmax(1) == labels).mean()
    assert before > 0.85
    assert after > before - 0.03


def test_early_stopping_waits_until_the_ramp_is_over(small_cnn, step_context):
    stop = {"patience": 1, "min_delta": 5.0}  # no epoch ever improves on the one before
    pruned = prune(small_cnn(), step_context(), epochs=6, early_stopping=stop, batch_size=500, ramp=0.6)
    assert zeros(pruned)["dense/MatMul"] == 0.8


def test_every_kernel_is_pruned_whatever_its_layer_and_what_has_none_is_named(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    inputs = layers.Input((28, 28))
    scaled = layers.Rescaling(2.0)(inputs) * 0.5
    odd = layers.Conv1DTranspose(8, 2, name="transposed")(scaled)
    slope = layers.PReLU(name="slope")(odd)
    both = layers.Bidirectional(layers.GRU(4, return_sequences=True), name="both")(slope)
    seen = layers.MultiHeadAttention(2, 4, name="attention")(both, both)
    timed = layers.TimeDistributed(layers.Dense(3), name="timed")(layers.LayerNormalization()(seen))
    deep = layers.DepthwiseConv1D(3, name="deep")(timed)
    model = tf_keras.Model(inputs, layers.Dense(10, name="dense")(layers.Flatten()(deep)))
    context = step_context()
    pruned = prune(model, context, batch_size=500)
    assert context.left_alone == {
        "slope": "PReLU has no kernel",
        "deep": "depthwise kernels are not pruned: they are few, and every one of them matters",
    }
    for name, kernels in (("transposed", 1), ("both", 4), ("attention", 4), ("timed", 1), ("dense", 1)):
        found = kernels_of(pruned.get_layer(name))
        assert len(found) == kernels
        assert all(float(np.mean(kernel.numpy() == 0)) == pytest.approx(0.8, abs=0.02) for kernel in found), name


def test_zeros_of_an_earlier_pruning_stay_in_the_layers_that_this_one_is_not_about(small_cnn, step_context):
    once = prune(small_cnn(), step_context(), final_sparsity=0.6, layers=["dense"])
    twice = prune(once, step_context(ModelState().add("sparse")), final_sparsity=0.5, layers=["conv"])
    assert zeros(twice) == pytest.approx({"conv/Conv2D": 0.5, "dense/MatMul": 0.6}, abs=1e-9)


def test_a_lower_sparsity_than_there_is_brings_no_weight_back(small_cnn, step_context):
    once = prune(small_cnn(), step_context(), final_sparsity=0.9)
    twice = prune(once, step_context(ModelState().add("sparse")), final_sparsity=0.5)
    assert zeros(twice)["dense/MatMul"] == 0.9


def test_a_zero_has_no_sign_which_would_cost_bytes_once_the_file_is_compressed(small_cnn, step_context):
    pruned = prune(small_cnn(), step_context())
    kernel = pruned.get_layer("dense").kernel.numpy()
    assert not np.signbit(kernel[kernel == 0]).any()


def test_layers_within_a_nested_model_are_pruned(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    inner = tf_keras.Sequential([layers.InputLayer((784,)), layers.Dense(20, name="within")], name="inner")
    model = tf_keras.Sequential([layers.InputLayer((28, 28)), layers.Flatten(), inner, layers.Dense(10, name="head")])
    pruned = prune(model, step_context(), final_sparsity=0.9)
    kernels = [weight for weight in pruned.get_weights() if weight.ndim > 1]
    assert [round(float((kernel == 0).mean()), 2) for kernel in kernels] == [0.9, 0.9]


def test_a_model_with_nothing_to_prune_is_an_error(tensorflow, step_context):
    import tf_keras

    model = tf_keras.Sequential([tf_keras.layers.InputLayer((28, 28)), tf_keras.layers.Flatten()])
    with pytest.raises(StepError) as error:
        prune(model, step_context())
    assert str(error.value) == "there is no layer that can be pruned; name other layers, or drop the step"


def test_a_layer_with_a_single_weight_is_left_alone_before_anything_is_trained(tensorflow, step_context):
    import tf_keras

    model, context = tf_keras.Sequential([tf_keras.Input((1,)), tf_keras.layers.Dense(1, name="one")]), step_context()
    with pytest.raises(StepError) as error:
        prune(model, context)
    assert str(error.value) == "there is no layer that can be pruned; name other layers, or drop the step"
    assert context.left_alone == {"one": "it has a single weight, and one has to stay"}


def test_a_pattern_of_layers_without_kernels_is_told(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    model = tf_keras.Sequential([layers.InputLayer((28, 28)), layers.Flatten(name="flat"), layers.Dense(10, name="d")])
    context = step_context()
    prune(model, context, layers=["d", "flat"])
    assert "'flat' names no layer that can be pruned" in context.notes


def test_a_curve_that_falls_is_refused():
    with pytest.raises(
        ValidationError, match="initial_sparsity is above final_sparsity; swap them, or lower the first"
    ):
        Prune.Params(initial_sparsity=0.9, final_sparsity=0.5)


def test_a_cubic_curve_is_the_polynomial_of_power_three(small_cnn, step_context):
    one, two = (prune(small_cnn(), step_context(), schedule=name) for name in ("cubic", "polynomial_decay"))
    for first, second in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)
    with pytest.raises(
        ValidationError, match="power is for schedule: polynomial_decay; a cubic curve always has power 3"
    ):
        Prune.Params(schedule="cubic", power=2)


def test_layers_can_have_a_sparsity_of_their_own_below_the_start_of_the_curve_too(small_cnn, step_context):
    pruned = prune(small_cnn(), step_context(), sparsity={"*": 0.6, "type:Conv2D": 0.25})
    assert zeros(pruned) == pytest.approx({"conv/Conv2D": 0.25, "dense/MatMul": 0.6}, abs=1e-9)


def lenet(tensorflow):
    import tf_keras

    from compressor_plugins.models.lenet import LeNet300100

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)
    return LeNet300100(LeNet300100.Params()).build()


def test_one_threshold_over_all_layers_takes_more_where_weights_are_small_for_their_layer(tensorflow, step_context):
    model = lenet(tensorflow)
    last = model.layers[-1].kernel
    last.assign(np.random.default_rng(0).laplace(size=last.shape) ** 3)  # a few large weights, and many small
    kernels = [weight for weight in model.get_weights() if weight.ndim > 1]
    scores = [np.abs(kernel) / kernel.std() for kernel in kernels]
    threshold = np.quantile(np.concatenate([score.ravel() for score in scores]), 0.9)
    expected = [float((score <= threshold).mean()) for score in scores]
    context = step_context()
    settings = {"schedule": "constant", "learning_rate": 1e-9, "batch_size": 2000}
    pruned = prune(model, context, scope="global", final_sparsity=0.9, **settings)
    found = dissect(to_litert(pruned)).kernels
    shares = {tensor.shape[::-1]: tensor.zeros / tensor.size for tensor in found}
    assert [shares[kernel.shape] for kernel in kernels] == pytest.approx(expected, abs=1e-3)
    assert sum(tensor.zeros for tensor in found) == round(0.9 * 266_200)
    assert max(expected) - min(expected) > 0.03
    assert context.notes == []


def test_a_layer_that_one_threshold_would_empty_keeps_its_floor_and_is_named(small_cnn, step_context):
    model, context = small_cnn(), step_context()
    kernel = model.get_layer("conv").kernel
    kernel.assign(np.where(np.arange(108).reshape(kernel.shape) == 0, 1e3, kernel.numpy() * 1e-3))
    pruned = prune(model, context, scope="global", initial_sparsity=0.9, final_sparsity=0.98, learning_rate=1e-9)
    conv, dense = dissect(to_litert(pruned)).kernels
    assert (conv.size - conv.zeros, dense.size - dense.zeros) == (1, round(20_388 * 0.02) - 1)
    assert context.notes == [
        "'conv' kept its minimum of 1 of 108 weights; the global threshold would have removed more"
    ]


def test_a_layer_with_a_sparsity_of_its_own_is_not_under_the_one_threshold(small_cnn, step_context):
    pruned = prune(small_cnn(), step_context(), scope="global", final_sparsity=0.9, sparsity={"conv": 0.5})
    assert zeros(pruned) == pytest.approx({"conv/Conv2D": 0.5, "dense/MatMul": 0.9}, abs=1e-9)


def two_dense(tensorflow, hidden=16):
    import tf_keras
    from tf_keras import layers

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)
    return tf_keras.Sequential(
        [
            layers.InputLayer((28, 28)),
            layers.Reshape((28, 28, 1)),
            layers.Conv2D(8, 3, strides=4, name="first"),
            layers.Conv2D(6, 3, strides=3, name="second"),
            layers.Flatten(),
            layers.Dense(hidden, name="third"),
            layers.Dense(10, name="last"),
        ]
    )


@pytest.mark.parametrize(("pattern", "n", "m"), [("2:4", 2, 4), ("1:4", 1, 4), ("3:8", 3, 8)])
def test_of_m_weights_along_the_inputs_n_stay_in_the_file_and_what_has_other_inputs_is_named(
    tensorflow, step_context, pattern, n, m
):
    from ai_edge_litert.interpreter import Interpreter

    context = step_context()
    content = to_litert(prune(two_dense(tensorflow), context, pattern=pattern))
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    kernels = [d for d in interpreter.get_tensor_details() if d["name"] in ("second/Conv2D", "third/MatMul")]
    for details in kernels:
        groups = interpreter.get_tensor(details["index"]).reshape(-1, m)  # LiteRT has the inputs last
        assert set(np.count_nonzero(groups, axis=1)) == {n}
    assert len(kernels) == 2
    assert context.left_alone == {"first": f"its 1 input cannot be divided into groups of {m}"}


def test_a_pattern_comes_by_and_by():
    from compressor_plugins.prune.goals import _grouped
    from compressor_plugins.prune.schedule import Curve

    kernel, curve = np.arange(1.0, 9).reshape(8, 1), Curve(0, 3, 10)
    kept = [int(_grouped(kernel, curve.sparsity(step, 0.5), 4, 0).sum()) // 2 for step in range(1, 11)]
    assert kept == [3, 3, 3, 2, 2, 2, 2, 2, 2, 2]
    assert _grouped(kernel, 0.5, 4, 0).ravel().tolist() == [False, False, True, True] * 2


def test_blocks_go_as_one_and_a_convolution_is_left_alone_and_named(tensorflow, step_context):
    context = step_context()
    pruned = prune(two_dense(tensorflow), context, block=[4, 3], final_sparsity=0.75)
    kernel = pruned.get_layer("third").kernel.numpy()  # 24 inputs, 16 outputs: five blocks of 3 and one of 1 in a row
    counts = {int(np.count_nonzero(kernel[r : r + 4, c : c + 3])) for r in range(0, 24, 4) for c in range(0, 15, 3)}
    assert counts == {0, 12}
    assert float((kernel == 0).mean()) == pytest.approx(0.75, abs=12 / 384)
    reason = "only kernels of two dimensions are pruned in blocks, and it has one of 4"
    assert context.left_alone == {"first": reason, "second": reason}


def test_a_layer_that_is_one_block_is_left_alone_and_one_of_two_loses_one(tensorflow, step_context):
    context = step_context()
    pruned = prune(two_dense(tensorflow), context, block=[16, 32], layers=["type:Dense"], final_sparsity=0.8)
    share = float((pruned.get_layer("third").kernel.numpy() == 0).mean())  # of 24x16: rows of 16 and of 8
    assert share in (256 / 384, 128 / 384)
    assert context.left_alone == {"last": "one block of 16x32 would cover a whole kernel"}
    assert context.notes == [
        f"'third' ended at {share:.1%} zeros, short of 80.0%; its blocks are too large to get closer"
    ]


def test_blocks_wider_than_a_kernel_count_for_what_is_in_them():
    from compressor_plugins.prune.masks import largest_blocks

    weights = np.random.default_rng(0).normal(size=(64, 10))
    assert largest_blocks(weights, 0.5, 8, 32).mean() == 0.5


def test_one_threshold_that_would_have_to_empty_layers_is_refused_before_training(small_cnn, step_context):
    with pytest.raises(StepError) as error:
        prune(small_cnn(), step_context(), scope="global", final_sparsity=0.9999)
    assert str(error.value) == (
        "final_sparsity: 0.9999 is too high for a global threshold, which leaves each layer some weights; "
        "lower it to 0.9994, or drop 'scope: global'"
    )


def test_factors_of_a_normalization_over_several_axes_are_no_kernel(tensorflow):
    from tf_keras import layers

    norm = layers.LayerNormalization(axis=[1, 2])
    norm.build((None, 4, 8))
    assert kernels_of(norm) == []


def test_a_block_larger_than_a_kernel_never_takes_all_of_it():
    from compressor_plugins.prune.masks import largest_blocks

    assert largest_blocks(np.ones((3, 2)), 0.9, 8, 8).all()


@pytest.mark.parametrize("rewind", ["none", "learning_rate", "weights"])
def test_rounds_end_at_the_sparsity_and_each_takes_the_same_share_of_what_is_left(small_cnn, step_context, rewind):
    context = step_context()
    seen = []
    fit = context.fit

    def spied(model, *args, **kwargs):
        fit(model, *args, **kwargs)
        seen.append(float((model.get_layer("dense").kernel.numpy() == 0).mean()))

    context.fit = spied
    pruned = prune(small_cnn(), context, rounds=2, rewind=rewind, final_sparsity=0.84)
    assert zeros(pruned)["dense/MatMul"] == pytest.approx(0.84, abs=1e-4)
    expected = {"none": [0.84], "learning_rate": [0.6, 0.84], "weights": [0, 0.6, 0.84]}[rewind]
    assert seen == pytest.approx(expected, abs=1e-4)


def test_weights_that_go_back_are_those_the_step_was_given(small_cnn, step_context):
    model = small_cnn()
    given = model.get_weights()
    settings = {"rewind": "weights", "rounds": 1, "final_sparsity": 0.5}
    pruned = prune(model, step_context(), learning_rate=1e-8, **settings).get_weights()
    for before, after in zip(given, pruned, strict=True):
        stayed = after != 0
        np.testing.assert_allclose(after[stayed], before[stayed], atol=1e-5)


def test_a_rounds_schedule_begins_each_round_with_its_share():
    from compressor_plugins.prune.schedule import Rounds

    rounds = Rounds(3, 10)
    assert [step for step in range(1, 11) if rounds.is_due(step)] == [1, 4, 7]
    assert [rounds.sparsity(step, 0.875) for step in (1, 4, 7, 10)] == pytest.approx([0.5, 0.75, 0.875, 0.875])
    assert rounds.settled == 7


def test_the_policy_for_xnnpack_refuses_a_model_that_it_cannot_run_sparse(small_cnn, step_context):
    with pytest.raises(StepError) as error:
        prune(small_cnn(), step_context(), policy="xnnpack")
    assert str(error.value).startswith("XNNPACK cannot run this model sparse (")
    assert str(error.value).endswith("); use 'policy: all'")


def test_the_policy_for_xnnpack_prunes_pointwise_convolutions_alone(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    inputs = layers.Input((28, 28))
    image = layers.Concatenate()([layers.Reshape((28, 28, 1))(inputs)] * 3)
    stem = layers.Conv2D(8, 3, strides=2, name="stem")(layers.ZeroPadding2D(1)(image))
    deep = layers.DepthwiseConv2D(3, padding="same", name="deep")(stem)
    wide = layers.GlobalAveragePooling2D(keepdims=True)(layers.Conv2D(16, 1, name="wide")(deep))
    model = tf_keras.Model(inputs, layers.Dense(10, name="head")(layers.Flatten()(wide)))
    context = step_context()
    pruned = prune(model, context, policy="xnnpack", final_sparsity=0.75, batch_size=500)
    assert float((pruned.get_layer("wide").kernel.numpy() == 0).mean()) == 0.75
    reason = "XNNPACK runs only 1x1 convolutions sparse"
    assert {name: context.left_alone[name] for name in ("stem", "head")} == {"stem": reason, "head": reason}
    assert context.notes == []
    low = step_context()
    prune(pruned, low, policy="xnnpack", final_sparsity=0.5, batch_size=500)
    assert low.notes == ["'wide' is less than two thirds zeros, so XNNPACK would run it dense"]


def test_small_layers_can_be_left_alone(small_cnn, step_context):
    context = step_context()
    assert zeros(prune(small_cnn(), context, min_weights=1000))["conv/Conv2D"] == 0
    assert context.left_alone == {"conv": "it has 108 weights, fewer than 'min_weights: 1000'"}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"pattern": "4:4"}, "pattern: 4:4 prunes nothing; n must be below m"),
        (
            {"pattern": "2:4", "final_sparsity": 0.5},
            "final_sparsity has no effect when pattern is set; drop one of the two",
        ),
        ({"pattern": "2:4", "scope": "global"}, "pattern and block are applied within each layer; drop scope: global"),
        ({"rounds": 3, "ramp": 0.5}, "ramp has no effect when pruning in rounds; drop it, or rounds and rewind"),
    ],
)
def test_parameters_that_contradict_one_another_are_refused(given, reason):
    with pytest.raises(ValidationError) as error:
        Prune.Params(**given)
    assert reason in str(error.value)
