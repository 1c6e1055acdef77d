"""Pruning: the sparsity asked for is the sparsity in the file, on runs of any length."""

import numpy as np
import pytest
from pydantic import ValidationError

from compressor.anatomy import dissect
from compressor.errors import StepError
from compressor.export import to_litert
from compressor.state import ModelState
from compressor_plugins.kernels import kernels_of
from compressor_plugins.prune import Prune


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
    from compressor.params import TrainingParams

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


def test_a_curve_that_falls_is_refused():
    with pytest.raises(
        ValidationError, match="initial_sparsity is above final_sparsity; swap them, or lower the first"
    ):
        Prune.Params(initial_sparsity=0.9, final_sparsity=0.5)


def test_a_cubic_curve_is_the_polynomial_of_power_three(small_cnn, step_context):
    one, two = (prune(small_cnn(), step_context(), schedule=name) for name in ("cubic", "polynomial_decay"))
    for first, second in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)
    with pytest.raises(ValidationError, match="power belongs to schedule: polynomial_decay; a cubic curve has"):
        Prune.Params(schedule="cubic", power=2)


def test_layers_can_have_a_sparsity_of_their_own_below_the_start_of_the_curve_too(small_cnn, step_context):
    pruned = prune(small_cnn(), step_context(), sparsity={"*": 0.6, "type:Conv2D": 0.25})
    assert zeros(pruned) == pytest.approx({"conv/Conv2D": 0.25, "dense/MatMul": 0.6}, abs=1e-9)


def lenet(tensorflow):
    import tf_keras

    from compressor_plugins.lenet import LeNet300100

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
    assert context.notes == ["'conv' was held at 1 of 108 weights; the one threshold would have taken more"]


def test_a_layer_with_a_sparsity_of_its_own_is_not_under_the_one_threshold(small_cnn, step_context):
    pruned = prune(small_cnn(), step_context(), scope="global", final_sparsity=0.9, sparsity={"conv": 0.5})
    assert zeros(pruned) == pytest.approx({"conv/Conv2D": 0.5, "dense/MatMul": 0.9}, abs=1e-9)
