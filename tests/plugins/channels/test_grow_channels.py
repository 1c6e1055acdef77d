"""Growth of channels: the wider model computes the same, is as wide as was asked, and learns on."""

import numpy as np
import pytest
from channel_nets import ARCHITECTURES, built, depthwise, residual
from pydantic import ValidationError

from compressor import Refusal
from compressor.base.errors import StepError
from compressor.contracts.model_state import ModelState
from compressor.models.litert.conversion.converter import to_litert
from compressor_plugins.channels import costs
from compressor_plugins.channels.groups import channel_groups, resized
from compressor_plugins.channels.grow_channels import GrowChannels
from compressor_plugins.channels.growth import growth_order
from compressor_plugins.channels.saliency import by_magnitude
from compressor_plugins.graph.model_reader import read


def apply(model, context, **params):
    return GrowChannels(GrowChannels.Params(**{"epochs": 1, "batch_size": 500, **params})).apply(model, context)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_wider_model_gives_the_same_outputs(tensorflow, architecture):
    from tf_keras import layers

    inputs = layers.Input((8, 8, 2))
    model = built(tensorflow, inputs, layers.Dense(3, name="head")(architecture(layers, inputs)))
    graph = read(model)
    groups = channel_groups(graph, lambda layer: "")
    multiplied = {root for atoms in groups.multiplied.values() for root in groups.roots(atoms)}
    assert bool(multiplied) == (architecture is depthwise)
    roots = sorted(set(by_magnitude(graph, groups)) - multiplied)
    copies = {root: 1 + number % 3 for number, root in enumerate(roots)}
    wider = resized(read(model), groups, copies).build()
    features = np.random.default_rng(1).normal(size=(4, 8, 8, 2)).astype(np.float32)
    whole = model(features).numpy()
    np.testing.assert_allclose(wider(features).numpy(), whole, rtol=1e-4, atol=1e-5 * float(np.abs(whole).max()))
    assert wider.count_params() == costs.parameters(graph, groups, copies) > model.count_params()


@pytest.mark.parametrize(("target", "share"), [("channels", 1.5), ("parameters", 1.4), ("flops", 1.5), ("bytes", 1.5)])
def test_the_target_is_not_exceeded_and_nearly_reached(small_cnn, step_context, target, share):
    before, context = small_cnn(), step_context()
    size, parameters = len(to_litert(before)), before.count_params()
    wider = apply(small_cnn(), context, **{target: share})
    filters = wider.get_layer("conv").kernel.shape[-1]
    assert wider.get_layer("dense").kernel.shape == (169 * filters, 10)
    reached = {"parameters": wider.count_params() / parameters, "bytes": len(to_litert(wider)) / size}
    assert share - 1 / 12 < reached.get(target, filters / 12) <= share
    assert context.notes[-2] == f"channels: conv 12 -> {filters}"
    assert context.notes[-1].startswith(f"{target}: 1")


def test_copies_of_a_channel_learn_different_things(small_cnn, step_context):
    wider = apply(small_cnn(), step_context(), channels=2, learning_rate=0.01)
    kernels = wider.get_layer("conv").kernel.numpy().reshape(9, 24)
    assert len(np.unique(kernels.round(5), axis=1).T) == 24


def test_the_most_salient_channels_come_first_and_all_layers_grow_alike(tensorflow):
    from tf_keras import layers

    inputs = layers.Input((8,))
    x = layers.Dense(2, name="two")(layers.Dense(4, name="four")(inputs))
    model = built(tensorflow, inputs, layers.Dense(3, name="head")(x))
    for name, size in (("four", 4), ("two", 2)):
        layer = model.get_layer(name)
        layer.kernel.assign(np.ones_like(layer.kernel) * np.arange(1, size + 1, dtype=np.float32))
    groups = channel_groups(read(model), lambda layer: "")
    four, two = (slot.atoms.tolist() for slot in groups.makers()[:2])
    saliency = by_magnitude(read(model), groups)
    assert growth_order(groups, saliency, 2) == [four[3], four[2], two[1], four[1], four[0], two[0]]
    assert growth_order(groups, saliency, 1.5) == [four[3], four[2], two[1]]
    assert growth_order(groups, saliency, 2.5)[6:] == [four[3], four[2], two[1]]


def test_channels_that_meet_grow_together_up_to_the_ceiling(tensorflow):
    from tf_keras import layers

    inputs = layers.Input((8, 8, 2))
    model = built(tensorflow, inputs, layers.Dense(3, name="head")(residual(layers, inputs)))
    groups = channel_groups(read(model), lambda layer: "")
    order = growth_order(groups, by_magnitude(read(model), groups), 1.5)
    assert len(order) == len(set(order)) == 3
    wider = resized(read(model), groups, dict.fromkeys(order, 2)).build()
    assert [wider.get_layer(name).kernel.shape[-1] for name in ("stem", "branch")] == [9, 9]


def test_what_cannot_be_reached_says_what_can(small_cnn, step_context):
    with pytest.raises(StepError) as told:
        apply(small_cnn(), step_context(), channels=3)
    assert str(told.value) == (
        "channels: 3 cannot be reached: there is 200.0% of the channels at the ceiling of 2; "
        "ask for less, raise 'ceiling', or choose other layers"
    )
    with pytest.raises(StepError, match=r"channels: 1\.01 is less than one more channel takes: 108\.3%"):
        apply(small_cnn(), step_context(), channels=1.01)
    with pytest.raises(StepError, match="there is no channel that may be copied"):
        apply(small_cnn(), step_context(), channels=1.5, layers=["dense"])


def test_exactly_one_target_is_given():
    with pytest.raises(ValidationError, match="none is given; give exactly one of channels, parameters, flops, bytes"):
        GrowChannels.Params()
    with pytest.raises(ValidationError, match="channels and bytes are given"):
        GrowChannels.Params(channels=1.5, bytes=2)


@pytest.mark.parametrize(("trait", "made"), [("clustered", "clustered weights"), ("sparse", "zeros to keep")])
def test_a_model_whose_weights_were_made_fewer_is_refused(trait, made):
    with pytest.raises(Refusal, match=f"cannot work on a model with {made}"):
        GrowChannels(GrowChannels.Params(channels=1.5)).plan(ModelState().add(trait))


def test_a_layer_whose_channels_are_multiplied_keeps_them_and_is_named(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    stack = [layers.InputLayer((28, 28)), layers.Reshape((28, 28, 1)), layers.Conv2D(4, 5, strides=4, name="first"),
             layers.DepthwiseConv2D(3, depth_multiplier=2, name="deep"), layers.Conv2D(4, 1, name="second"),
             layers.Flatten(), layers.Dense(10, name="head")]  # fmt: skip
    context = step_context()
    wider = apply(tf_keras.Sequential(stack), context, channels=1.5)
    assert context.left_alone == {"first": "'deep' makes several channels of each of its channels"}
    assert wider.get_layer("second").kernel.shape[-1] == 8
    context = step_context()
    apply(tf_keras.Sequential(stack), context, channels=1.5, layers=["second"])
    assert "first" not in context.left_alone
