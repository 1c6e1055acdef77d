"""Channel pruning: what is removed was zero or is gone for good, whatever it ran through, and the file gets smaller."""

import numpy as np
import pytest
from channel_nets import ARCHITECTURES, built, residual
from pydantic import ValidationError

from compressor.base.errors import StepError
from compressor.contracts.model_state import ModelState
from compressor.models.litert.conversion.converter import to_litert
from compressor.models.litert.reading.contents import dissect
from compressor_plugins.channels import costs
from compressor_plugins.channels.groups import channel_groups, resized
from compressor_plugins.channels.prune_channels import PruneChannels
from compressor_plugins.channels.removal import removal_order, removed
from compressor_plugins.channels.saliency import by_activation, by_batch_norm, by_magnitude
from compressor_plugins.graph.model_reader import read


def apply(model, context, **params):
    return PruneChannels(PruneChannels.Params(**{"epochs": 1, "batch_size": 500, **params})).apply(model, context)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_outputs_are_those_of_the_model_with_the_channels_at_zero(tensorflow, architecture):
    from tf_keras import layers

    inputs = layers.Input((8, 8, 2))
    model = built(tensorflow, inputs, layers.Dense(3, name="head")(architecture(layers, inputs)))
    graph = read(model)
    groups = channel_groups(graph, lambda layer: "")
    roots = sorted(by_magnitude(graph, groups))
    gone = set(roots[::2])
    # a zeroed channel has no weights that make it, in no layer on its way
    for slot in groups.slots:
        layer = model.get_layer(slot.layer)
        weights = layer.get_weights()
        dead = np.isin(groups.roots(slot.atoms), list(gone))
        statistics = layer.weights[slot.weight].name.split("/")[-1].startswith("moving_variance")
        if (slot.makes or weights[slot.weight].ndim == 1 or "deep" in slot.layer) and not statistics:
            np.moveaxis(weights[slot.weight], slot.axis, 0)[dead] = 0
            layer.set_weights(weights)
    smaller = resized(read(model), groups, removed(gone)).build()
    features = np.random.default_rng(1).normal(size=(4, 8, 8, 2)).astype(np.float32)
    whole, part = model(features).numpy(), smaller(features).numpy()
    np.testing.assert_allclose(part, whole, rtol=1e-5, atol=1e-5 * float(np.abs(whole).max()))
    assert smaller.count_params() == costs.parameters(graph, groups, removed(gone)) < model.count_params()
    assert len(to_litert(smaller)) < len(to_litert(model))
    assert smaller.output_shape == model.output_shape


def test_channels_that_meet_go_together(tensorflow):
    from tf_keras import layers

    inputs = layers.Input((8, 8, 2))
    model = built(tensorflow, inputs, layers.Dense(3, name="head")(residual(layers, inputs)))
    groups = channel_groups(read(model), lambda layer: "")
    made = {slot.layer: groups.roots(slot.atoms).tolist() for slot in groups.makers()}
    assert made["stem"] == made["branch"]
    assert groups.reason(next(slot.atoms for slot in groups.makers() if slot.layer == "head")) == ""


def test_what_is_not_understood_keeps_its_channels_and_is_named_with_the_reason(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    inputs = layers.Input((28, 28))
    one = layers.Conv1D(8, 3, strides=4, activation="relu", name="one")(inputs)
    two = layers.Conv1D(8, 3, strides=2, activation="relu", name="two")(layers.LayerNormalization(name="norm")(one))
    model = tf_keras.Model(inputs, layers.Dense(10, activation="softmax", name="head")(layers.Flatten()(two)))
    context = step_context()
    smaller = apply(model, context, channels=0.5)
    assert context.left_alone == {
        "one": "its channels pass through 'norm', and what LayerNormalization does with them is not known"
    }
    assert [layer.kernel.shape[-1] for layer in smaller.layers if hasattr(layer, "kernel")] == [8, 4, 10]
    assert context.notes[0] == "channels: two 8 -> 4"


@pytest.mark.parametrize(("target", "share"), [("channels", 0.5), ("parameters", 0.4), ("flops", 0.5), ("bytes", 0.5)])
def test_the_target_is_met_and_hardly_more_is_removed(small_cnn, step_context, target, share):
    before, context = small_cnn(), step_context()
    size, parameters = len(to_litert(before)), before.count_params()
    smaller = apply(small_cnn(), context, **{target: share})
    filters = smaller.get_layer("conv").kernel.shape[-1]
    assert smaller.get_layer("dense").kernel.shape == (169 * filters, 10)
    reached = {"parameters": smaller.count_params() / parameters, "bytes": len(to_litert(smaller)) / size}
    assert share - 1 / 12 < reached.get(target, filters / 12) <= share
    assert context.notes[-1].startswith(f"{target}: ")
    assert dissect(to_litert(smaller)).parameters == smaller.count_params()


def test_flops_are_counted_by_hand(small_cnn):
    graph = read(small_cnn())
    groups = channel_groups(graph, lambda layer: "")
    conv, dense = 26 * 26 * 9 * 12, 169 * 12 * 10
    assert costs.flops(graph, groups, {}) == 2 * (conv + dense)
    gone = removed(sorted(by_magnitude(graph, groups))[:3])
    assert costs.flops(graph, groups, gone) == 2 * (conv + dense) * 9 // 12
    assert costs.removable(groups, gone) == 9


def test_a_latency_is_reached_as_measured(tensorflow, step_context, monkeypatch):
    import tf_keras
    from tf_keras import layers

    model = tf_keras.Sequential([layers.InputLayer((28, 28)), layers.Reshape((28, 28, 1)), layers.Conv2D(64, 3),
                                 layers.Conv2D(64, 3), layers.Flatten(), layers.Dense(10)])  # fmt: skip
    context, graph = step_context(), read(model)
    groups = channel_groups(graph, lambda layer: "")
    assert costs.seconds(graph, groups, {}, np.zeros((1, 28, 28), np.float32)) > 0
    # from here on by a clock that nothing else on the machine disturbs: a nanosecond for each operation
    counted = costs.flops
    monkeypatch.setattr(costs, "seconds", lambda graph, groups, copies, _: 1e-9 * counted(graph, groups, copies))
    smaller = read(apply(model, context, latency=0.6))
    operations = counted(smaller, channel_groups(smaller, lambda layer: ""), {})
    assert 0.5 < operations / counted(graph, groups, {}) <= 0.6
    assert context.notes[-1].startswith("latency: ")


def test_magnitude_is_that_of_the_weights_that_make_a_channel(small_cnn):
    model = small_cnn()
    kernel = model.get_layer("conv").kernel
    kernel.assign(kernel * np.arange(1, 13)[::-1])
    graph = read(model)
    groups = channel_groups(graph, lambda layer: "")
    norms = np.abs(kernel.numpy()).sum(axis=(0, 1, 2))
    saliency = by_magnitude(graph, groups)
    assert [saliency[root] for root in sorted(saliency)] == pytest.approx((norms / norms.mean()).tolist())
    order = removal_order(groups, saliency, 0.1)
    assert order == [sorted(saliency)[index] for index in np.argsort(norms)[:10]]  # two of twelve stay


def test_the_factor_of_batch_normalization_decides_where_it_is_asked(tensorflow, step_context):
    from tf_keras import layers

    inputs = layers.Input((28, 28))
    image = layers.Reshape((28, 28, 1))(inputs)
    x = layers.BatchNormalization(name="norm")(layers.Conv2D(4, 3, strides=4, name="stem")(image))
    x = layers.Conv2D(4, 3, name="bare")(layers.ReLU()(x))
    model = built(tensorflow, inputs, layers.Dense(10, name="head")(layers.Flatten()(x)))
    _, *rest = model.get_layer("norm").get_weights()
    model.get_layer("norm").set_weights([np.array([0.5, -2.0, 0.1, -0.3]), *rest])
    graph = read(model)
    groups = channel_groups(graph, lambda layer: "")
    assert list(by_batch_norm(graph, groups).values()) == pytest.approx([0.5, 2.0, 0.1, 0.3])
    context = step_context()
    smaller = apply(model, context, channels=0.75, criterion="bn_scale", learning_rate=1e-9)
    assert smaller.get_layer("norm").gamma.numpy() == pytest.approx([0.5, -2.0], abs=1e-6)
    assert context.left_alone == {"bare": "no BatchNormalization with a factor follows it"}


def test_channels_that_stay_silent_are_the_least_by_activation(small_cnn):
    model = small_cnn()
    conv = model.get_layer("conv")
    kernel, bias = conv.get_weights()
    bias[[3, 7]] = -100
    conv.set_weights([kernel * 5, bias])
    graph = read(model)
    groups = channel_groups(graph, lambda layer: "")
    images = np.random.default_rng(0).random((4, 28, 28)).astype(np.float32)
    saliency = by_activation(graph, groups, [images])
    assert [index for index, root in enumerate(sorted(saliency)) if saliency[root] == 0] == [3, 7]
    assert by_activation(graph, groups, [images[:3], images[3:]]) == pytest.approx(saliency)


def test_nested_models_are_flattened_first_and_chosen_layers_alone_are_pruned(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    inner = tf_keras.Sequential([layers.InputLayer((784,)), layers.Dense(20, "relu", name="within")], name="inner")
    model = tf_keras.Sequential([layers.InputLayer((28, 28)), layers.Flatten(), inner])
    model.add(layers.Dense(30, "relu", name="kept"))
    model.add(layers.Dense(10, name="head"))
    context = step_context()
    smaller = apply(model, context, channels=0.5, **{"layers": ["*", "type:Flatten"], "except": ["kept"]})
    assert "'type:Flatten' names no layer that can be made narrower" in context.notes
    assert smaller.get_layer("within").kernel.shape == (784, 10)
    assert smaller.get_layer("kept").kernel.shape == (10, 30)
    assert context.left_alone == {}


def test_zeros_and_clusters_stay_in_the_weights_that_stay(small_cnn, step_context):
    model = small_cnn()
    kernel = model.get_layer("dense").kernel
    kernel.assign(np.where(np.abs(kernel.numpy()) < 0.02, 0, np.round(kernel.numpy() * 100) / 100))
    before = np.unique(kernel.numpy())
    smaller = apply(model, step_context(ModelState().add("sparse").add("clustered")), channels=0.5)
    after = smaller.get_layer("dense").kernel.numpy()
    assert 0.2 < (after == 0).mean() < 0.6
    assert len(np.unique(after)) <= len(before)


@pytest.mark.parametrize("target", ["channels", "flops"])
def test_a_model_without_a_channel_that_may_go_is_an_error(tensorflow, step_context, target):
    import tf_keras
    from tf_keras import layers

    model = tf_keras.Sequential([layers.InputLayer((28, 28)), layers.Flatten(), layers.Dense(10)])
    with pytest.raises(StepError) as error:
        apply(model, step_context(), **{target: 0.5})
    what = "there is no channel that may go; choose other layers, lower 'floor', or drop the step"
    assert str(error.value) == what


def test_a_target_out_of_reach_is_an_error_that_says_how_far_it_goes(small_cnn, step_context):
    with pytest.raises(StepError) as error:
        apply(small_cnn(), step_context(), parameters=0.1, floor=0.5)
    assert str(error.value) == (
        "parameters: 0.1 cannot be reached: there is 50.0% of the parameters left at the floor of 0.5; "
        "ask for less, lower 'floor', or choose other layers"
    )


@pytest.mark.parametrize(
    ("given", "held"), [({}, "none is given"), ({"flops": 0.5, "bytes": 0.5}, "flops and bytes are given")]
)
def test_exactly_one_target_is_wanted(given, held):
    with pytest.raises(ValidationError) as error:
        PruneChannels.Params(**given)
    assert f"{held}; give exactly one of channels, parameters, flops, bytes, latency" in str(error.value)
