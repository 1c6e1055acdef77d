"""Frozen layers stay as they are, bit by bit, in every step that trains, however they stand in the model."""

import numpy as np
import pytest

from compressor.base.errors import StepError
from compressor.contracts.configured_metric import ConfiguredMetric
from compressor.contracts.context import StepContext
from compressor.contracts.model_state import ModelState
from compressor.contracts.observer import Observer
from compressor.models.files.keras_files import load_keras, save_keras
from compressor.training.trainer import Trainer
from compressor_plugins.channels.grow_channels import GrowChannels
from compressor_plugins.channels.prune_channels import PruneChannels
from compressor_plugins.cluster.cluster import Cluster
from compressor_plugins.entropy.entropy import Entropy
from compressor_plugins.low_rank.low_rank import LowRank
from compressor_plugins.metrics.classification import Accuracy
from compressor_plugins.prune.prune import Prune
from compressor_plugins.qat.qat import QAT
from compressor_plugins.training.distill import Distill
from compressor_plugins.training.train import Train

STRATEGIES = {
    strategy.name: strategy
    for strategy in (Train, Distill, Prune, Cluster, Entropy, LowRank, PruneChannels, GrowChannels, QAT)
}

STEPS = {
    "train": {},
    "distill": {},
    "prune": {},
    "prune in rounds": {"rewind": "weights", "rounds": 2},
    "cluster": {},
    "entropy": {},
    "low_rank": {"energy": 0.5},
    "prune_channels": {"channels": 0.7},
    "grow_channels": {"channels": 1.3},
    "qat": {},
    "qat learned": {"ranges": "learned"},
    "qat folded": {"fold_batch_norm": "all"},
    "qat 16x8": {"activations": "int16", "layers": ["type:Conv*", "type:Dense", "type:Depthwise*"]},
    "qat unfolded": {"fold_batch_norm": "none", "fuse_relu": False, "conv1d_as_2d": False, "flatten": False},
}
LESS_COMMON = ("prune in rounds", "qat 16x8", "qat unfolded")


def flat():
    """Frozen layers before, between and behind others."""
    import tf_keras
    from tf_keras import layers

    inputs = layers.Input((28, 28))
    x = layers.Reshape((28, 28, 1))(inputs)
    x = layers.Conv2D(4, 3, 2, activation="relu", name="f_first", trainable=False)(x)
    x = layers.Conv2D(6, 3, 2, use_bias=False, name="f_normed", trainable=False)(x)
    x = layers.ReLU()(layers.BatchNormalization(name="f_norm", trainable=False)(x))
    x = layers.SeparableConv2D(6, 3, padding="same", name="f_separable", trainable=False)(x)
    x = layers.ReLU()(layers.BatchNormalization(name="norm")(layers.Conv2D(8, 3, name="conv", use_bias=False)(x)))
    x = layers.DepthwiseConv2D(2, name="deep")(layers.Conv2D(8, 1, activation="relu", name="pointwise")(x))
    x = layers.BatchNormalization(name="f_norm_of_conv", trainable=False)(layers.Conv2D(8, 1, name="last")(x))
    x = layers.Dense(12, name="f_dense", trainable=False)(layers.GlobalAveragePooling2D()(x))
    x = layers.ReLU()(layers.BatchNormalization(name="f_norm_of_dense", trainable=False)(x))
    return tf_keras.Model(inputs, layers.Dense(10, name="head")(x))


def nested():
    """A frozen model in which a sequential one stands; the head is trained."""
    import tf_keras
    from tf_keras import layers

    picture = layers.Input((14, 14, 4))
    x = layers.Conv2D(6, 3, 2, use_bias=False, name="f_conv")(picture)
    x = layers.ReLU(6.0)(layers.BatchNormalization(name="f_norm")(x))
    block = [layers.DepthwiseConv2D(3, name="f_deep"), layers.BatchNormalization(name="f_inner"), layers.ReLU()]
    x = tf_keras.Sequential([layers.InputLayer((6, 6, 6)), *block], name="block")(x)
    backbone = tf_keras.Model(picture, x, name="backbone")
    backbone.trainable = False
    backbone.get_layer("f_norm").trainable = True  # has no effect in Keras either, as the model around it is frozen
    inputs = layers.Input((28, 28))
    x = layers.Conv2D(4, 3, 2, "same", name="first")(layers.Reshape((28, 28, 1))(inputs))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(12, 2, name="conv", activation="relu")(backbone(x)))
    return tf_keras.Model(inputs, layers.Dense(10, name="head")(layers.Dense(12, activation="relu", name="middle")(x)))


def parts():
    """Frozen layers within other layers, which Keras' files know nothing of."""
    import tf_keras
    from tf_keras import layers

    inputs = layers.Input((28, 28))
    x = layers.Conv1D(6, 3, 9, activation="relu", name="f_conv", trainable=False)(inputs)
    x = layers.TimeDistributed(layers.Dense(6, name="f_timed", trainable=False))(x)
    both = layers.Bidirectional(layers.LSTM(3, return_sequences=True, name="lstm", unroll=True))
    seen = layers.MultiHeadAttention(2, 3, name="attention")
    x = seen(both(x), both(x))
    whole = layers.Bidirectional(layers.LSTM(3, name="f_lstm", return_sequences=True, unroll=True), name="f_both")
    x = whole(layers.Conv1D(8, 2, name="conv", activation="relu")(x))
    whole.trainable = both.forward_layer.trainable = seen._query_dense.trainable = False
    x = layers.Dense(10, name="head")(layers.Dense(12, name="middle")(layers.GlobalAveragePooling1D()(x)))
    return tf_keras.Model(inputs, x)


FROZEN_PARTS = ("forward_lstm", "query")


def frozen_values(model):
    """The variables of the frozen layers, by name; of wrappers for quantization those of the layer within."""
    found = {}
    for layer in model._flatten_layers(include_self=False):
        inner = getattr(layer, "layer", layer) if layer.name.startswith("quant_") else layer
        if inner.name.startswith("f_") or inner.name in FROZEN_PARTS:
            weights = [weight for weight, *_ in getattr(layer, "_weight_vars", ())] + inner.weights
            found |= {(inner.name, weight.name): weight.numpy() for weight in weights}
    return found


def bits_moved(before, after):
    """How many bits differ."""
    pairs = [(before[key], after[key]) for key in before]
    return sum(int(np.unpackbits(np.frombuffer(a.tobytes(), "u1") ^ np.frombuffer(b.tobytes(), "u1")).sum())
               for a, b in pairs)  # fmt: skip


@pytest.fixture(scope="module")
def few(digits):
    from compressor.data.prepared_splits import RunData

    return RunData("digits", digits.train.take(400), digits.validation.take(100), digits.test.take(10))


@pytest.fixture(scope="module")
def build(tensorflow, tmp_path_factory):
    """A function that gives one of the models, as it is loaded from a stage's file; each is made once."""
    folder, known = tmp_path_factory.mktemp("frozen"), {}

    def load(maker):
        import tf_keras

        if maker not in known:
            tf_keras.utils.set_random_seed(0)
            model, generator = maker(), np.random.default_rng(0)
            model.set_weights([w + generator.uniform(0.05, 0.15, w.shape) for w in model.get_weights()])
            known[maker] = folder / f"{maker.__name__}.h5"
            save_keras(model, known[maker])
        tf_keras.backend.clear_session()
        tf_keras.utils.set_random_seed(0)
        return load_keras(known[maker])

    return load


@pytest.fixture
def trained(few):
    """A function that applies a step, and tells what frozen layers held before and after each of its trainings."""

    def apply(step, model, state=None, **params):
        trainer = Trainer("step", few, 0, Observer(), [ConfiguredMetric.of(Accuracy())], smoke=False, teacher=model)
        context = StepContext(state=state or ModelState(), train=few.train, trainer=trainer, seed=0)
        fit, seen = context.fit, []

        def watched(model, *args, **kwargs):
            before = frozen_values(model)
            fit(model, *args, **kwargs)
            seen.append((before, frozen_values(model)))

        context.fit = watched
        strategy = STRATEGIES[step]
        given = {"epochs": 1, "batch_size": 200, "learning_rate": 0.01, **params}
        return strategy(strategy.Params(**given)).apply(model, context), seen, context

    return apply


@pytest.mark.parametrize("step", [name for name in STEPS if name not in LESS_COMMON])
@pytest.mark.parametrize("model", [flat, nested])
def test_no_bit_of_a_frozen_layer_moves_in_a_step_that_trains(step, model, build, trained):
    moves_nothing_frozen(step, model, build, trained)


@pytest.mark.parametrize("step", ["train", "qat"])
def test_no_bit_of_a_layer_that_is_frozen_within_another_moves(step, build, trained):
    moves_nothing_frozen(step, parts, build, trained)


@pytest.mark.long
@pytest.mark.parametrize(
    ("model", "step"),
    [(model, step) for model in (flat, nested) for step in LESS_COMMON]
    + [(parts, step) for step in STEPS if step not in ("train", "qat")],
)
def test_no_bit_of_a_frozen_layer_moves_in_less_common_ways_to_train(model, step, build, trained):
    moves_nothing_frozen(step, model, build, trained)


def moves_nothing_frozen(step, model, build, trained):
    loaded = build(model)
    original = frozen_values(loaded)
    made, seen, _ = trained(step.split()[0], loaded, **STEPS[step])
    assert len(original) >= 7
    assert seen
    for before, after in seen:
        assert bits_moved(before, after) == 0
    trainable = {id(weight) for weight in made.trainable_weights}
    assert trainable
    kept = {value.tobytes() for value in frozen_values(made).values()}
    if "qat" not in step:  # which folds normalizations, before it trains
        assert {value.tobytes() for value in original.values()} == kept


def test_the_flags_of_layers_within_others_come_through_files_and_rewrites(build, tensorflow):
    from compressor_plugins.graph.model_reader import read

    loaded = build(parts)
    rebuilt = read(loaded).build()
    for model in (loaded, rebuilt):
        frozen = {layer.name for layer in model._flatten_layers() if not layer.trainable}
        assert {"f_conv", "f_timed", "forward_lstm", "query", "f_both", "forward_f_lstm"} <= frozen
        assert not {"backward_lstm", "key", "attention", "conv", "head"} & frozen
    for one, other in zip(loaded.get_weights(), rebuilt.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def all_frozen():
    model = flat()
    model.trainable = False
    return model


NOTHING = "'f_first' and 8 more are frozen; unfreeze some ('trainable = True'), name other layers, or drop the step"


@pytest.mark.parametrize(
    ("step", "params", "refusal"),
    [
        ("train", {}, "there is nothing to train: all weights are frozen; "
         "unfreeze some ('trainable = True'), or drop the step"),
        ("distill", {}, "there is nothing to train: all weights are frozen; "
         "unfreeze some ('trainable = True'), or drop the step"),
        ("prune", {}, f"there is no layer that can be pruned: {NOTHING}"),
        ("cluster", {}, f"there is no layer that can be clustered: {NOTHING}"),
        ("entropy", {}, "there is no layer whose weights can be trained for few bits: "
         "'f_first' and 8 more are frozen; unfreeze some ('trainable = True'), name other layers, lower 'min_weights', "
         "or drop the step"),
        ("low_rank", {"energy": 0.5}, "no layer would have fewer weights: 'f_first' and 8 more are frozen; "
         "unfreeze some ('trainable = True'), keep less energy, name other layers, or drop the step"),
        ("prune_channels", {"channels": 0.7}, "there is no channel that may go: 'f_first' and 7 more are frozen; "
         "unfreeze some ('trainable = True'), choose other layers, lower 'floor', or drop the step"),
    ],
)  # fmt: skip
def test_a_step_to_which_frozen_layers_leave_nothing_is_refused_before_it_trains(step, params, refusal, build, trained):
    with pytest.raises(StepError) as error:
        trained(step, build(all_frozen), **params)
    assert str(error.value) == refusal


def test_ranges_adapt_where_all_weights_are_frozen(build, trained):
    made, (((before, after)),), _ = trained("qat", build(all_frozen))
    assert bits_moved(before, after) == 0
    assert not made.trainable_weights
    (steps,) = {int(weight.numpy()) for weight in made.weights if "optimizer_step" in weight.name}
    assert steps == -1


def small_head():
    """A frozen convolution, and 24 weights that are trained."""
    import tf_keras
    from tf_keras import layers

    inputs = layers.Input((28, 28))
    x = layers.Reshape((28, 28, 1))(inputs)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3, name="f_conv", trainable=False)(x))
    return tf_keras.Model(
        inputs, layers.Dense(10, name="head", kernel_initializer="ones")(layers.Dense(3, name="mid")(x))
    )


def test_too_few_trainable_weights_for_clusters_are_told_before_training(build, trained):
    with pytest.raises(StepError) as error:
        trained("cluster", build(small_head), number_of_clusters=16)
    assert str(error.value) == (
        "too few weights can be trained for 16 clusters: 'f_conv' is frozen; "
        "unfreeze some ('trainable = True'), lower 'number_of_clusters' to 15, or drop the step"
    )
    model, _, context = trained("cluster", build(small_head), number_of_clusters=15)
    assert len(np.unique(model.get_layer("head").kernel)) <= 15
    assert context.left_alone == {"f_conv": "it is frozen"}


def test_what_is_left_alone_is_named(build, trained):
    _, _, context = trained("low_rank", build(flat), energy=0.5)
    assert {layer for layer, reason in context.left_alone.items() if reason == "it is frozen"} == {
        "f_first", "f_normed", "f_separable", "f_dense",
    }  # fmt: skip
    _, _, context = trained("prune_channels", build(flat), channels=0.7)
    assert context.left_alone == {
        **dict.fromkeys(("f_first", "f_normed", "f_separable", "f_dense"), "it is frozen"),
        "last": "'f_norm_of_conv' is frozen",
    }
