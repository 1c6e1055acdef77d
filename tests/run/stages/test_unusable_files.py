"""A file that cannot be used is the fault of the step that made it, and of its learning rate where weights exploded."""

from dataclasses import replace
from pathlib import Path

import pytest

import compressor
from compressor.base.errors import CompressorError, DataError, ModelError, StepError
from compressor.models.files.finite_weights import largest_weight
from compressor.run.stages.model_file import ModelFacts, ModelFile
from compressor.run.stages.saved_model import SavedModel
from compressor.run.stages.unusable_files import blamed_on_step

RECIPE = {
    "version": 1,
    "name": "r",
    "model": {"source": "mnist_cnn", "train": {"epochs": 1}},
    "data": {"source": "mnist"},
    "steps": [{"uses": "qat"}, {"uses": "ptq"}],
}
CANNOT = ModelError("LiteRT cannot run the file (a reason)", "check its operators")
UNDEFINED = DataError("'mse' is inf on the 10 test samples", "check the labels")
SAYS = "LiteRT cannot run the file (a reason); "


@pytest.fixture(scope="module")
def saved():
    plan = compressor.plan(RECIPE)
    return SavedModel(plan, plan.stages[:2], ModelFile(Path("m.h5"), "", ModelFacts(()), cached=False))


def raised(saved, model, error):
    with pytest.raises(CompressorError) as caught, blamed_on_step(saved, model):
        raise error
    return caught.value


@pytest.mark.parametrize(
    ("largest", "error", "message"),
    [
        (1.0, CANNOT, f"{SAYS}check its operators"),
        (80, CANNOT, f"{SAYS}{{}}80; or check its operators"),
        (3e12, CANNOT, f"{SAYS}{{}}3e+12"),
        (3e12, UNDEFINED, "'mse' is inf on the 10 test samples; {}3e+12"),
    ],
)
def test_a_step_that_trained_is_told_of_exploded_weights(small_cnn, saved, largest, error, message):
    model = small_cnn()
    layer = model.layers[-1]
    layer.set_weights([layer.kernel.numpy() * 0 + largest, layer.bias.numpy()])
    failed = raised(saved, model, error)
    lower = f"lower the step's learning rate, as weights or ranges of '{layer.name}' went up to "
    version = saved.steps[-1].provider.version
    assert str(failed) == f"the model of the step 'qat' (qat, compressor {version}): " + message.format(lower)
    assert isinstance(failed, StepError)


def test_what_is_not_the_steps_fault_passes_unchanged(small_cnn, saved):
    wrong = DataError("the labels are odd", "mend them")
    assert raised(saved, small_cnn(), wrong) is wrong
    assert raised(replace(saved, steps=()), small_cnn(), CANNOT) is CANNOT


def test_a_file_from_a_step_on_files_that_cannot_be_read_is_the_steps_fault(saved):
    failed = raised(replace(saved, steps=saved.plan.stages), b"junk", ModelError("it is damaged", "make it again"))
    version = saved.steps[-1].provider.version
    assert str(failed) == f"the model of the step 'ptq' (ptq, compressor {version}): it is damaged; make it again"
    assert failed.exit_code == 4


def test_statistics_of_the_data_are_no_exploded_weights(tensorflow):
    import tf_keras

    layers = tf_keras.layers
    model = tf_keras.Sequential(
        [layers.Input((2,)), layers.Normalization(mean=[4e4, 1], variance=[4e8, 1]), layers.Dense(1)]
    )
    assert largest_weight(model)[0] < 10
