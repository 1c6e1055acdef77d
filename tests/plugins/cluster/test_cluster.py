"""Clustering: no kernel holds more values than asked for, zeros stay, and what follows keeps the clusters."""

import numpy as np
import pytest
from pydantic import ValidationError

from compressor.base.errors import StepError
from compressor.contracts.kept_structure import groups_of, structure_of
from compressor.contracts.model_state import ModelState
from compressor.models.litert.conversion.converter import Conversion, to_litert
from compressor.models.litert.reading.contents import dissect
from compressor_plugins.cluster.centroids import clustered
from compressor_plugins.cluster.cluster import Cluster
from compressor_plugins.prune.prune import Prune
from compressor_plugins.qat.qat import QAT
from compressor_plugins.shared.kernels import kernels_of

SPARSE = ModelState().add("sparse")


def cluster(model, context, **params):
    return Cluster(Cluster.Params(**{"epochs": 1, "batch_size": 200, **params})).apply(model, context)


def values(kernel):
    return len(np.unique(kernel))


@pytest.mark.parametrize("start", ["linear", "density", "random", "kmeans++"])
@pytest.mark.parametrize("clusters", [2, 16, 300])
def test_k_means_leaves_no_more_values_than_asked_for_from_every_start(start, clusters):
    kernel = np.random.default_rng(0).normal(size=(3, 3, 8, 16)).astype(np.float32)
    result = clustered(kernel, clusters, start, np.random.default_rng(1))
    assert clusters * 0.6 <= values(result) <= clusters
    assert np.abs(result - kernel).mean() < 2 / clusters
    assert result.shape == kernel.shape


def test_every_value_is_the_mean_of_the_weights_that_share_it():
    kernel = np.random.default_rng(0).normal(size=(50, 40)).astype(np.float32)
    result = clustered(kernel, 8, "linear", np.random.default_rng(0))
    for value in np.unique(result):
        assert kernel[result == value].mean() == pytest.approx(value, abs=0.03)


def test_zero_is_one_of_the_values_and_belongs_to_the_zeros_alone():
    kernel = np.random.default_rng(0).normal(size=(50, 40)).astype(np.float32)
    kernel[np.abs(kernel) < 1] = 0
    result = clustered(kernel, 4, "linear", np.random.default_rng(0), keep_zeros=True)
    assert values(result) == 4
    np.testing.assert_array_equal(result == 0, kernel == 0)


def test_channels_can_have_values_of_their_own():
    kernel = np.random.default_rng(0).normal(size=(3, 3, 8, 5)).astype(np.float32)
    result = clustered(kernel, 4, "density", np.random.default_rng(0), per_channel=True)
    assert [values(result[..., channel]) for channel in range(5)] == [4] * 5
    assert values(result) == 20


def test_channels_of_a_transposed_convolution_are_its_outputs(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    model = tf_keras.Sequential([layers.InputLayer((28, 28)), layers.Reshape((28, 28, 1)), layers.Conv2D(6, 3)])
    model.add(layers.Conv2DTranspose(3, 3, name="up"))
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dense(10))
    model = cluster(model, step_context(), number_of_clusters=4, per_channel=True, layers=["up"], batch_size=500)
    kernel = model.get_layer("up").kernel.numpy()  # (height, width, out, in)
    assert [values(kernel[:, :, channel]) for channel in range(3)] == [4, 4, 4]


def test_weights_around_zero_that_may_have_one_value_do_not_become_zeros():
    kernel = np.array([[-1, 1, 0, -2, 2]], np.float32)
    result = clustered(kernel, 2, "linear", np.random.default_rng(0), keep_zeros=True)
    np.testing.assert_array_equal(result == 0, kernel == 0)
    assert values(result) == 2


def test_a_group_of_a_million_weights_does_not_drift(tensorflow):
    variable = tensorflow.Variable(np.full((1000, 1000), 0.1234567, np.float32))
    groups = groups_of(variable)
    for _ in range(5):
        groups.restore()
    assert variable.numpy().max() == pytest.approx(0.1234567, rel=1e-6)


def test_the_kernels_still_hold_that_many_values_after_training_and_learned(small_cnn, step_context):
    before = small_cnn()
    start = clustered(before.get_layer("dense").kernel.numpy(), 16, "linear", np.random.default_rng(0))
    model = cluster(small_cnn(), step_context(), number_of_clusters=16)
    kernel = model.get_layer("dense").kernel.numpy()
    assert values(kernel) <= 16
    assert values(model.get_layer("conv").kernel.numpy()) <= 16
    assert np.abs(kernel - start).max() > 1e-4
    assert {tensor.name: tensor.unique <= 16 for tensor in dissect(to_litert(model)).kernels} == {
        "conv/Conv2D": True,
        "dense/MatMul": True,
    }


def test_a_clustered_model_can_be_clustered_again(small_cnn, step_context):
    # tfmot raises StopIteration here
    once = cluster(small_cnn(), step_context(), number_of_clusters=32)
    twice = cluster(once, step_context(ModelState().add("clustered")), number_of_clusters=4)
    assert values(twice.get_layer("dense").kernel.numpy()) <= 4
    assert [layer.name for layer in twice.layers] == ["reshape", "conv", "pool", "flatten", "dense"]


def test_layers_that_are_not_targets_keep_the_clusters_they_have(small_cnn, step_context):
    once = cluster(small_cnn(), step_context(), number_of_clusters=8, layers=["dense"])
    twice = cluster(once, step_context(ModelState().add("clustered")), number_of_clusters=4, layers=["conv"])
    assert values(twice.get_layer("dense").kernel.numpy()) <= 8
    assert values(twice.get_layer("conv").kernel.numpy()) <= 4


def test_zeros_that_pruning_made_are_kept(small_cnn, step_context):
    pruned = Prune(Prune.Params(epochs=1, batch_size=200)).apply(small_cnn(), step_context())
    zeros = pruned.get_layer("dense").kernel.numpy() == 0
    kernel = cluster(pruned, step_context(SPARSE), number_of_clusters=8).get_layer("dense").kernel.numpy()
    assert values(kernel) <= 8
    np.testing.assert_array_equal(kernel == 0, zeros)


def test_zeros_and_clusters_are_kept_through_quantization_aware_training(small_cnn, step_context):
    # tfmot's scheme for both zeroes every weight of a 1x1 convolution, and makes of 8 values up to 8 for each channel
    pruned = Prune(Prune.Params(epochs=1, batch_size=200)).apply(small_cnn(kernel_size=1), step_context())
    both = cluster(pruned, step_context(SPARSE), number_of_clusters=8)
    before = dissect(to_litert(both))
    quantized = QAT(QAT.Params(epochs=1, batch_size=200)).apply(both, step_context(SPARSE.add("clustered")))
    after = dissect(to_litert(quantized, Conversion("int8")))
    assert {tensor.dtype for tensor in after.kernels} == {"int8"}
    assert after.unique <= before.unique <= 8
    assert after.sparsity == pytest.approx(before.sparsity, abs=1e-9)
    assert 0.75 < after.sparsity < 0.85


def test_clusters_of_each_channel_are_kept_as_well(small_cnn, step_context):
    model = cluster(small_cnn(), step_context(), number_of_clusters=4, per_channel=True)
    state = ModelState().add("clustered")
    quantized = QAT(QAT.Params(epochs=1, batch_size=200)).apply(model, step_context(state))
    for tensor in dissect(to_litert(quantized, Conversion("int8"))).kernels:
        assert tensor.unique <= 4 * (12 if "conv" in tensor.name else 10)
    kernel = next(weight for weight in quantized.trainable_weights if "conv/kernel" in weight.name).numpy()
    assert max(values(kernel[..., channel]) for channel in range(12)) <= 4


def test_attention_recurrent_and_embedding_kernels_are_clustered(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    inputs = layers.Input((28, 28))
    both = layers.Bidirectional(layers.LSTM(8, return_sequences=True), name="both")(inputs)
    seen = layers.MultiHeadAttention(2, 8, name="attention")(both, both)
    model = tf_keras.Model(inputs, layers.Dense(10, name="dense")(layers.GlobalAveragePooling1D()(seen)))
    model = cluster(model, step_context(), number_of_clusters=5, batch_size=500)
    for name, kernels in (("both", 4), ("attention", 4), ("dense", 1)):
        assert [values(kernel.numpy()) <= 5 for kernel in kernels_of(model.get_layer(name))] == [True] * kernels


def test_what_has_no_kernel_or_too_few_weights_is_named(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    model = tf_keras.Sequential([layers.InputLayer((28, 28)), layers.Reshape((28, 28, 1))])
    model.add(layers.DepthwiseConv2D(3, name="deep"))
    model.add(layers.Conv2D(2, 1, name="tiny"))
    model.add(layers.Flatten())
    model.add(layers.Dense(10))
    context = step_context()
    cluster(model, context, batch_size=500)
    assert context.left_alone == {
        "deep": "depthwise kernels are not clustered: they are few, and every one of them matters",
        "tiny": "it has no more than 16 weights",
    }


def test_a_model_with_nothing_to_cluster_is_an_error(tensorflow, step_context):
    import tf_keras

    model = tf_keras.Sequential([tf_keras.layers.InputLayer((28, 28)), tf_keras.layers.Flatten()])
    with pytest.raises(StepError) as error:
        cluster(model, step_context())
    assert str(error.value) == "there is no layer that can be clustered; name other layers, or drop the step"


@pytest.mark.parametrize("clusters", [1, 4097])
def test_the_number_of_clusters_has_bounds(clusters):
    with pytest.raises(ValidationError, match="number_of_clusters"):
        Cluster.Params(number_of_clusters=clusters)


def test_layers_can_have_numbers_of_their_own_the_last_match_counting(small_cnn, step_context):
    model = cluster(small_cnn(), step_context(), clusters={"*": 8, "type:Dense": 32}, centroids="density")
    found = {tensor.name: tensor.unique for tensor in dissect(to_litert(model)).kernels}
    assert found == {"conv/Conv2D": 8, "dense/MatMul": 32}


def test_a_kernel_with_hardly_more_weights_than_values_keeps_its_clusters_too(small_cnn, step_context):
    model = cluster(small_cnn(filters=3), step_context(), number_of_clusters=12, layers=["conv"])  # 27 weights
    kernel = model.get_layer("conv").kernel.numpy()
    assert 9 < values(kernel) <= 12
    (kept,) = structure_of(model.trainable_variables, ModelState().add("clustered"))  # and in the steps that follow
    kept.variable.assign_add(np.arange(27, dtype=np.float32).reshape(kernel.shape))
    kept.restore()
    assert values(kept.variable.numpy()) == values(kernel)


def test_channels_with_fewer_weights_than_values_are_left_alone_and_named(small_cnn, step_context):
    context = step_context()
    model = cluster(small_cnn(), context, per_channel=True, number_of_clusters=16)
    assert context.left_alone == {"conv": "it has no more than 16 weights in a channel"}
    kernel = model.get_layer("dense").kernel.numpy()
    assert max(values(kernel[:, channel]) for channel in range(10)) <= 16


def test_each_channel_keeps_its_zeros_and_counts_them_as_a_value_in_the_file(small_cnn, step_context):
    pruned = Prune(Prune.Params(epochs=1, batch_size=200)).apply(small_cnn(), step_context())
    zeros = pruned.get_layer("dense").kernel.numpy() == 0
    model = cluster(pruned, step_context(SPARSE), number_of_clusters=4, per_channel=True, centroids="density")
    kernel = model.get_layer("dense").kernel.numpy()
    np.testing.assert_array_equal(kernel == 0, zeros)
    assert max(values(kernel[:, channel]) for channel in range(10)) == 4
    dense = next(tensor for tensor in dissect(to_litert(model)).kernels if "dense" in tensor.name)
    assert (dense.unique, dense.zeros) == (values(kernel), int(zeros.sum()))
    assert dense.unique <= 31
