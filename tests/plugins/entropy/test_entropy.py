"""Training for code length: the package is as small as asked, zeros stay, and a cut training ends in the same bytes."""

import re
from dataclasses import replace

import numpy as np
import pytest
from cut_trainings import CutError, Memory
from pydantic import ValidationError

from compressor.base.errors import StepError
from compressor.contracts.context import StepContext
from compressor.contracts.model_state import ModelState, Refusal
from compressor.contracts.observer import Observer
from compressor.models.packing import pack
from compressor.training.trainer import Trainer
from compressor_plugins.entropy.entropy import Entropy
from compressor_plugins.files.slim import Slim
from compressor_plugins.ptq.ptq import PTQ
from compressor_plugins.training.train import Train

TRAINED = {"epochs": 3, "batch_size": 50, "learning_rate": 3e-3}
SPARSE = ModelState().add("sparse")


def entropy(model, context, **params):
    return Entropy(Entropy.Params(**{**TRAINED, **params})).apply(model, context)


def trained(model, context):
    return Train(Train.Params(epochs=3, batch_size=50, learning_rate=3e-3)).apply(model, context)


def package(model, context):
    context.state = context.state.add("sparse", "clustered")
    content = PTQ(PTQ.Params()).apply(model, context)
    return pack(Slim(Slim.Params()).apply(content, context))


def steps_in(kernel):
    """The number of different values, and how far they are from multiples of the least difference between two."""
    values = np.unique(kernel)
    step = np.diff(values).min()
    return len(values), np.abs(values / step - np.round(values / step)).max()


@pytest.mark.parametrize(("size", "epochs"), [(3000, 5), pytest.param(2200, 10, marks=pytest.mark.long)])
def test_the_package_is_as_large_as_asked_and_as_told(small_cnn, step_context, size, epochs):
    context = step_context()
    model = entropy(trained(small_cnn(), context), context, max_size=size, epochs=epochs)
    told = int(context.notes[-1].split("about ")[1].split(" ")[0].replace(",", ""))
    written = len(package(model, context))
    assert written == pytest.approx(told, rel=0.03)
    assert 0.9 * size < written <= 1.01 * size


def test_kernels_hold_whole_steps_and_the_model_still_classifies(small_cnn, step_context, digits):
    context = step_context()
    model = entropy(trained(small_cnn(), context), context, max_size=5000, epochs=5)
    for layer in ("conv", "dense"):
        values, off = steps_in(model.get_layer(layer).kernel.numpy())
        assert 2 < values <= 63
        assert off < 1e-4
    features, labels = digits.test.read(range(500))
    assert (model.predict(features, verbose=0).argmax(1) == labels).mean() > 0.85


def test_the_model_is_as_plain_as_before(small_cnn, step_context):
    model, before = small_cnn(), small_cnn()
    weights = [weight.name for weight in model.weights]
    result = entropy(model, step_context(), epochs=1)
    assert [weight.name for weight in result.weights] == weights
    assert result.get_config() == before.get_config()
    assert result.losses == []
    assert all("call" not in vars(layer) for layer in result.layers)
    np.testing.assert_allclose(
        result.predict(np.ones((1, 28, 28)), verbose=0), _computed(before, result), rtol=1e-5, atol=1e-5
    )


def _computed(fresh, model):
    fresh.set_weights(model.get_weights())
    return fresh.predict(np.ones((1, 28, 28)), verbose=0)


def test_a_bit_that_counts_more_leaves_fewer_bytes(small_cnn, step_context):
    kept = []
    for weight in (1e-7, 1e-4):
        context = step_context()
        entropy(small_cnn(), context, rate_weight=weight)
        kept.append(int(context.notes[0].split("take ")[1].split(" ")[0].replace(",", "")))
    assert kept[1] < 0.5 * kept[0]


def test_zeros_of_an_earlier_pruning_stay(small_cnn, step_context):
    model = small_cnn()
    kernel = model.get_layer("dense").kernel
    zeros = np.random.default_rng(0).random(kernel.shape) < 0.6
    kernel.assign(np.where(zeros, 0, kernel.numpy()))
    result = entropy(model, step_context(SPARSE), rate_weight=1e-8, epochs=1).get_layer("dense").kernel.numpy()
    assert not result[zeros].any()
    assert (result[~zeros] != 0).mean() > 0.5


def test_quantization_aware_training_after_it_keeps_the_values(small_cnn, step_context):
    from compressor_plugins.qat.qat import QAT

    context = step_context()
    model = entropy(trained(small_cnn(), context), context, max_size=4000, epochs=4)
    values = len(np.unique(model.get_layer("dense").kernel))
    context.state = context.state.add("sparse", "clustered")
    aware = QAT(QAT.Params(epochs=1, batch_size=100, learning_rate=1e-4)).apply(model, context)
    kernels = [weight.numpy() for weight in aware.trainable_weights if weight.shape.rank == 2]
    assert [len(np.unique(kernel)) for kernel in kernels] == [values]


def test_the_same_seed_gives_the_same_weights(small_cnn, step_context):
    once, again = (entropy(small_cnn(), step_context(), epochs=1).get_weights() for _ in range(2))
    for one, other in zip(once, again, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_training_that_was_cut_ends_in_the_same_weights(small_cnn, tensorflow, digits, cut):
    data = replace(digits, train=digits.train.take(1000), validation=digits.validation.take(100))

    def run(checkpoints=None):
        trainer = Trainer("entropy", data, 0, Observer(), [], smoke=False, checkpoints=checkpoints)
        context = StepContext(state=ModelState(), train=data.train, trainer=trainer, seed=0)
        return entropy(small_cnn(), context, max_size=5000, batch_size=20, epochs=3).get_weights()

    whole, memory = run(), Memory(die_after=cut)
    with pytest.raises(CutError):
        run(memory)
    memory.die_after = None
    for one, other in zip(whole, run(memory), strict=True):
        np.testing.assert_array_equal(one, other)


def test_layers_are_chosen_and_those_left_alone_are_named(small_cnn, step_context):
    context = step_context()
    model = small_cnn()
    before = model.get_layer("conv").kernel.numpy()
    result = entropy(model, context, epochs=1, min_weights=200)
    assert context.left_alone == {"conv": "it has 108 weights, fewer than 'min_weights: 200'"}
    assert len(np.unique(result.get_layer("conv").kernel)) > 63
    assert (result.get_layer("conv").kernel.numpy() != before).any()
    only = entropy(small_cnn(), step_context(), epochs=1, layers=["conv"])
    assert len(np.unique(only.get_layer("conv").kernel)) <= 63
    assert len(np.unique(only.get_layer("dense").kernel)) > 1000


def test_frozen_layers_stay_as_they_are(small_cnn, step_context):
    context, model = step_context(), small_cnn()
    model.get_layer("conv").trainable = False
    before = model.get_layer("conv").kernel.numpy()
    entropy(model, context, epochs=1)
    assert context.left_alone == {"conv": "it is frozen"}
    np.testing.assert_array_equal(model.get_layer("conv").kernel.numpy(), before)


def test_a_model_that_is_frozen_is_refused(small_cnn, step_context):
    model = small_cnn()
    model.trainable = False
    with pytest.raises(StepError, match="there is no layer whose weights can be trained for few bits: 'conv' and 1"):
        entropy(model, step_context())


def test_a_size_that_the_graph_alone_takes_is_refused_before_training(small_cnn, step_context):
    with pytest.raises(StepError, match="max_size is 200 bytes, and graph, scales and biases alone take about "):
        entropy(small_cnn(), step_context(), max_size=200)


def test_a_size_that_was_missed_is_told(small_cnn, step_context):
    context = step_context()
    entropy(small_cnn(), context, max_size=700, epochs=1, batch_size=1000)
    assert re.fullmatch(r"set the [\d,]+ least weights to zero after the training, .*'max_size'", context.notes[0])
    assert context.notes[3].startswith("that is more than 'max_size' (700 bytes); train for more epochs, or start from")


def test_a_size_that_is_far_from_needed_is_told(small_cnn, step_context):
    context = step_context()
    entropy(small_cnn(), context, max_size=100_000, epochs=1, batch_size=1000)
    assert context.notes[-1] == (
        "that is far less than 'max_size' (100,000 bytes), and accuracy may have been given up for nothing; ask for "
        "less, or make 'step' smaller"
    )


def test_kernels_of_recurrent_and_wrapped_layers_are_rounded_too(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    tf_keras.utils.set_random_seed(0)
    stack = [layers.InputLayer((28, 28)), layers.Bidirectional(layers.LSTM(6, name="memory"), name="both")]
    model = tf_keras.Sequential([*stack, layers.Dense(10, name="dense")])
    result = entropy(model, step_context(), epochs=1, batch_size=100, most_steps=3)
    kernels = [weight.numpy() for weight in result.weights if weight.shape.rank == 2]
    assert len(kernels) == 5
    assert max(len(np.unique(kernel)) for kernel in kernels) <= 7
    assert len(result.trainable_weights) == len(tf_keras.models.clone_model(result).trainable_weights)


def test_a_model_with_clusters_or_fake_quantization_is_refused():
    strategy = Entropy(Entropy.Params())
    for trait in ("clustered", "quantization_aware"):
        with pytest.raises(Refusal):
            strategy.plan(ModelState().add(trait))
    assert strategy.plan(ModelState()).traits == {"sparse", "clustered"}


def test_a_size_is_read_with_its_unit():
    assert Entropy.Params(max_size="3 kB").max_size == 3000
    with pytest.raises(ValidationError, match="'much' is not a size"):
        Entropy.Params(max_size="much")


def test_layers_that_compute_in_bfloat16_find_rounded_kernels_and_have_their_own_back(small_cnn, step_context):
    from compressor.training.half_precision import computing_in_bfloat16
    from compressor_plugins.entropy.coded_training import _kernels
    from compressor_plugins.entropy.quantized_kernels import quantizing

    model = small_cnn()
    kernels = _kernels(model, Entropy.Params(**TRAINED), step_context())
    conv = next(layer for layer in model.layers if layer.name == "conv")
    own = vars(conv)["kernel"]
    with computing_in_bfloat16(model):
        cast = vars(conv)["kernel"]
        with quantizing(kernels, lambda: kernels[0].rate()):
            assert model(np.zeros((2, 28, 28, 1), np.float32), training=True).dtype == "float32"
            assert vars(conv)["kernel"] is cast
    assert vars(conv)["kernel"] is own
