"""Low-rank factorization: the product is near the layer, the file holds fewer weights, and what would not is named."""

import numpy as np
import pytest
from pydantic import ValidationError

from compressor.base.errors import StepError
from compressor.models.litert.conversion.converter import to_litert
from compressor.models.litert.reading.contents import dissect
from compressor_plugins.low_rank.factors import rank_for, svd_factors, tucker_factors
from compressor_plugins.low_rank.low_rank import LowRank


def apply(model, context, **params):
    settings = {"epochs": 1, "batch_size": 2000, "learning_rate": 1e-9}
    return LowRank(LowRank.Params(**{**settings, **params})).apply(model, context)


def convolutions(tensorflow, rank=None):
    """A model whose kernels have a rank, if one is given."""
    import tf_keras
    from tf_keras import layers

    tf_keras.backend.clear_session()
    model = tf_keras.Sequential([layers.InputLayer((28, 28)), layers.Reshape((28, 28, 1))])
    model.add(layers.Conv2D(16, 3, strides=4, activation="relu", name="stem"))
    model.add(layers.Conv2D(24, 3, strides=2, padding="same", activation="relu", name="wide"))
    model.add(layers.Conv2D(32, 1, activation="relu", name="point"))
    model.add(layers.Flatten())
    model.add(layers.Dense(40, activation="relu", name="hidden"))
    model.add(layers.Dense(10, name="head"))
    generator = np.random.default_rng(0)
    for variable in model.weights:
        variable.assign(generator.normal(0, 0.1, variable.shape))
    if rank:
        for name in ("point", "hidden"):
            kernel = model.get_layer(name).kernel
            inputs, outputs = kernel.shape[-2:]
            product = generator.normal(0, 0.2, (inputs, rank)) @ generator.normal(0, 0.2, (rank, outputs))
            kernel.assign(product.reshape(kernel.shape))
        core = generator.normal(0, 0.2, (3, 3, rank, rank))
        ends = generator.normal(0, 0.3, (16, rank)), generator.normal(0, 0.3, (24, rank))
        model.get_layer("wide").kernel.assign(np.einsum("hwpq,ip,oq->hwio", core, *ends))
    return model


def test_layers_of_low_rank_become_thin_ones_with_the_same_outputs(tensorflow, step_context):
    model, context = convolutions(tensorflow, rank=3), step_context()
    images = np.random.default_rng(1).random((4, 28, 28)).astype(np.float32)
    before, size = model(images).numpy(), len(to_litert(model))
    thin = apply(model, context, energy=0.9999999, **{"except": ["head", "stem"]})
    np.testing.assert_allclose(thin(images).numpy(), before, atol=1e-3 * np.abs(before).max())
    assert context.notes == [
        "factored wide to rank 3 and 3, point to rank 3, hidden to rank 3, at 100.0% of the energy"
    ]
    content = to_litert(thin)
    shapes = sorted(tensor.shape for tensor in dissect(content).kernels)
    expected = [(16, 3, 3, 1), (3, 1, 1, 16), (3, 3, 3, 3), (24, 1, 1, 3), (3, 1, 1, 24), (32, 1, 1, 3)]
    assert shapes == sorted([*expected, (3, 512), (40, 3), (10, 40)])
    assert len(content) < size / 2
    assert thin.get_layer("wide").activation.__name__ == "relu"


def test_a_share_of_the_parameters_is_met_and_hardly_undercut(tensorflow, step_context):
    model = convolutions(tensorflow)
    thin = apply(model, step_context(), parameters=0.5)
    was, now = (sum(w.size for w in one.get_weights() if w.ndim > 1) for one in (model, thin))
    assert 0.45 < now / was <= 0.5


def test_layers_that_would_not_shrink_are_left_alone_and_named(tensorflow, step_context):
    context = step_context()
    apply(convolutions(tensorflow, rank=3), context, energy=0.999)
    assert context.left_alone == {
        "head": "at rank 10 it would have no fewer weights",
        "stem": "at rank 1 and 9 it would have no fewer weights",
    }


def test_where_no_layer_would_shrink_the_step_says_so(small_cnn, step_context):
    with pytest.raises(StepError) as error:
        apply(small_cnn(), step_context(), energy=1.0)
    assert str(error.value) == (
        "no layer would have fewer weights; keep less energy, name other layers, or drop the step"
    )


def test_a_share_out_of_reach_is_told_with_what_rank_one_leaves(tensorflow, step_context):
    with pytest.raises(StepError, match=r"parameters: 0.001 cannot be reached: rank 1 in every layer leaves \d"):
        apply(convolutions(tensorflow), step_context(), parameters=0.001)


def test_a_layer_that_is_called_twice_is_factored_in_both_calls(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    inputs = layers.Input((28, 28))
    again = layers.Dense(28, activation="relu", name="again")
    outputs = layers.Dense(10, name="head")(layers.Flatten()(again(again(inputs))))
    thin = apply(tf_keras.Model(inputs, outputs), step_context(), energy=0.5, layers=["again"])
    assert len(thin.get_layer("again").inbound_nodes) == len(thin.get_layer("again_in").inbound_nodes) == 2


def test_the_factors_are_the_nearest_of_their_rank():
    matrix = np.random.default_rng(0).normal(size=(30, 20))
    one, two = svd_factors(matrix, 5)
    values = np.linalg.svd(matrix, compute_uv=False)
    assert np.square(one @ two - matrix).sum() == pytest.approx(np.square(values[5:]).sum())
    assert rank_for(values, np.square(values[:5]).sum() / np.square(values).sum()) == 5
    assert (rank_for(values, 1.0), rank_for(values * 0, 0.5)) == (20, 1)


def test_tucker_factors_of_full_rank_are_the_kernel_itself():
    kernel = np.random.default_rng(0).normal(size=(3, 3, 6, 8))
    first, core, last = tucker_factors(kernel, 6, 8)
    np.testing.assert_allclose(np.einsum("hwpq,ip,qo->hwio", core, first, last), kernel, atol=1e-10)
    first, core, last = tucker_factors(kernel, 3, 4)
    near = np.einsum("hwpq,ip,qo->hwio", core, first, last)
    assert np.square(near - kernel).sum() == pytest.approx(np.square(kernel).sum() - np.square(core).sum())


@pytest.mark.parametrize("given", [{}, {"energy": 0.9, "parameters": 0.5}])
def test_exactly_one_measure_is_wanted(given):
    with pytest.raises(ValidationError, match="give exactly one of energy and parameters"):
        LowRank.Params(**given)


def test_a_layer_of_another_kind_is_named(tensorflow, step_context):
    import tf_keras
    from tf_keras import layers

    model = tf_keras.Sequential([layers.InputLayer((28, 28)), layers.Conv1D(8, 3, name="row"), layers.Flatten()])
    model.add(layers.Dense(10, name="head"))
    context = step_context()
    apply(model, context, energy=0.3, layers=["row", "head", "type:Flatten"])
    assert context.left_alone == {"row": "Conv1D layers cannot be factored"}
    assert "'type:Flatten' names no layer that can be factored" in context.notes
