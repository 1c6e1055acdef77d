"""Post-training quantization: what each precision leaves in the file."""

import numpy as np
import pytest
from pydantic import ValidationError

from compressor.anatomy import dissect
from compressor.litert import LiteRTModel
from compressor.params import TrainingParams
from compressor.state import ModelState, Refusal
from compressor_plugins.ptq import PTQ


@pytest.fixture(scope="module")
def trained(tensorflow, digits):
    import tf_keras

    from compressor.observer import Observer
    from compressor.training import Trainer
    from compressor_plugins.mnist_cnn import MNISTCNN

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
    from compressor.export import to_litert

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
    assert context.left_alone == {"conv/Conv2D": "the converter kept it in float32"}


def test_int8_ends_have_the_range_of_the_training_images(trained, step_context):
    model = LiteRTModel(ptq(trained, step_context(), io="int8"))
    assert (model.inputs[0].dtype, model.inputs[0].zero_point, model.outputs[0].dtype) == ("int8", -128, "int8")
    assert model.inputs[0].scale == pytest.approx(1 / 255, rel=1e-3)


def test_calibration_is_drawn_from_the_training_split_by_the_seed(trained, step_context, digits):
    seen = []
    context = step_context()
    original = context.calibration
    context.calibration = lambda samples: (seen.append(features) or features for features in original(samples))
    ptq(trained, context, calibration_samples=7)
    drawn = np.random.default_rng(0).permutation(digits.train.size)[:7]
    expected = digits.train.samples.inputs[drawn].astype(np.float32) * np.float32(1 / 255)
    np.testing.assert_array_equal(np.concatenate(seen[:7]), expected)
    assert len(seen) == 7


def test_int8_ends_need_int8_weights():
    with pytest.raises(ValidationError, match="io int8 needs precision int8, not float16"):
        PTQ.Params(precision="float16", io="int8")


def test_another_precision_after_training_for_int8_is_refused():
    with pytest.raises(Refusal) as refusal:
        PTQ(PTQ.Params(precision="float16")).plan(ModelState().add("quantization_aware"))
    assert refusal.value.reason == "with precision float16 would waste the training for int8; use precision int8"
