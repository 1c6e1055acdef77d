"""Layers compute in bfloat16 while they train, on variables, and into files, that stay in float32."""

import numpy as np
import pytest

import compressor
from compressor.base.errors import StepError
from compressor.contracts.context import StepContext
from compressor.contracts.model_state import ModelState
from compressor.contracts.observer import Observer
from compressor.data.prepared_splits import RunData
from compressor.models.litert.conversion.converter import to_litert
from compressor.models.litert.format.flatbuffer import read_model
from compressor.models.litert.format.tensor_types import TensorType
from compressor.models.litert.reading.graph_contents import operators_in
from compressor.recipe.training_params import Hint, Teacher, TrainingParams
from compressor.training.half_precision import computing_in_bfloat16
from compressor.training.trainer import Trainer

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(120, 6, 6, 2)).astype(np.float32)
Y = (X.reshape(120, -1) @ GENERATOR.normal(size=(72, 3))).argmax(-1)
SPLITS = compressor.Splits((X, Y), (X[:40], Y[:40]))
DATA = RunData("mine", SPLITS.train, SPLITS.test, SPLITS.test)
FIT = {"epochs": 3, "batch_size": 20, "learning_rate": 0.01}


@pytest.fixture
def network(tensorflow):
    import tf_keras
    from tf_keras import layers

    def build():
        tensorflow.keras.utils.set_random_seed(0)
        tf_keras.utils.set_random_seed(0)
        return tf_keras.Sequential(
            [
                layers.Input((6, 6, 2)),
                layers.Conv2D(4, 3, padding="same", activation="relu", name="conv"),
                layers.BatchNormalization(name="norm"),
                layers.DepthwiseConv2D(3, name="depthwise"),
                layers.SeparableConv2D(4, 2, name="separable"),
                layers.Flatten(name="flat"),
                layers.Dense(16, activation="relu", name="hidden"),
                layers.Dense(3, name="out"),
            ]
        )

    return build


def fitted(model, bfloat16, it=None, **params):
    """Train a model, with `it` as the teacher if the parameters name one."""
    trainer = Trainer("t", DATA, 0, Observer(), [], smoke=False, teacher=it, bfloat16=bfloat16)
    trainer.fit(model, TrainingParams(**FIT, **params), [], 0)
    return trainer


def test_training_learns_nearly_the_same_in_bfloat16_and_leaves_a_float32_model(network):
    plain, half = network(), network()
    kernel = half.get_layer("hidden").kernel
    exact = fitted(plain, bfloat16=False).curves[0][-1]["val_loss"]
    trainer = fitted(half, bfloat16=True)
    assert trainer.curves[0][-1]["val_loss"] == pytest.approx(exact, rel=0.05)
    assert trainer.curves[0][-1]["val_loss"] != exact
    assert trainer.remarks == ["trained in bfloat16; in float32: norm, out"]
    assert half.get_layer("hidden").kernel is kernel
    assert {layer.dtype_policy.name for layer in half.layers} == {"float32"}
    assert {variable.dtype.name for variable in half.variables} == {"float32"}
    assert len(half.weights) == len(plain.weights)
    file = read_model(to_litert(half))
    assert "CAST" not in {operator.name for operator in operators_in(file)}
    assert {tensor.type for tensor in file.subgraphs[0].tensors} <= {TensorType.FLOAT32, TensorType.INT32}


def test_layers_with_kernels_give_bfloat16_and_those_of_the_outputs_float32(network):
    import tf_keras

    model = network()
    inner = tf_keras.Model(model.inputs, [model.get_layer(name).output for name in ("conv", "hidden", "norm", "out")])
    with computing_in_bfloat16(model):
        assert [tensor.dtype.name for tensor in inner(X[:2])] == ["bfloat16", "bfloat16", "float32", "float32"]
    assert [tensor.dtype.name for tensor in inner(X[:2])] == ["float32"] * 4


def test_pruning_prunes_the_variables_that_are_trained(network, registry):
    model = network()
    before = model.get_layer("hidden").kernel.numpy()
    trainer = Trainer("t", DATA, 0, Observer(), [], smoke=False, bfloat16=True)
    context = StepContext(state=ModelState(), train=DATA.train, trainer=trainer, seed=0)
    cls = registry.get("strategy", "prune").cls
    cls(cls.Params(**FIT, final_sparsity=0.75, min_weights=0)).apply(model, context)
    after = model.get_layer("hidden").kernel.numpy()
    assert (after == 0).mean() == pytest.approx(0.75, abs=0.01)
    assert not np.array_equal(after[after != 0], before[after != 0])


def test_a_teacher_and_hints_go_with_it(network):
    hints = Teacher(source="it", hints=[Hint(student="hidden", teacher="hidden")])
    trainers = [fitted(network(), half, it=network(), teacher=hints) for half in (False, True)]
    exact, half = (trainer.curves[0][-1]["val_loss"] for trainer in trainers)
    assert half == pytest.approx(exact, rel=0.05)


def test_a_model_of_nothing_but_outputs_is_refused(tensorflow):
    import tf_keras

    model = tf_keras.Sequential([tf_keras.Input((6, 6, 2)), tf_keras.layers.Flatten(), tf_keras.layers.Dense(3)])
    with pytest.raises(StepError, match="no layer of the model but those of its outputs can compute in bfloat16"):
        fitted(model, bfloat16=True)


def test_an_operation_that_takes_one_type_alone_is_refused_before_training(network, tensorflow):
    import tf_keras
    from tf_keras import layers

    inputs = tf_keras.Input((6, 6, 2))
    flat = layers.Flatten()(inputs)
    mixed = tensorflow.matmul(layers.Dense(4)(flat)[:, :, None], layers.LayerNormalization()(flat)[:, None, :])
    model = tf_keras.Model(inputs, layers.Dense(3)(layers.Flatten()(mixed)))
    with pytest.raises(StepError, match=r"cannot be computed with layers in bfloat16 \(.*; remove 'mixed_precision'"):
        fitted(model, bfloat16=True)
