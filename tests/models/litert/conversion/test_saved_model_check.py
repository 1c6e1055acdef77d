"""The file of a SavedModel computes what its signature computes, or is refused."""

import pytest

from compressor.base.errors import ModelError
from compressor.models.litert.conversion.saved_model_converter import saved_model_to_litert


def exported(tensorflow, folder, function, shape):
    tf = tensorflow
    module = tf.Module()
    module.call = tf.function(lambda x: {"out": function(x)}, input_signature=[tf.TensorSpec((None, *shape), name="x")])
    tf.saved_model.save(module, str(folder), {"serving_default": module.call.get_concrete_function()})
    return folder


def test_a_signature_that_the_converter_gets_right_is_read(tensorflow, tmp_path):
    folder = exported(tensorflow, tmp_path / "right", lambda x: tensorflow.nn.relu(x) * 2, (3,))
    assert saved_model_to_litert(folder)[4:8] == b"TFL3"


def test_a_signature_that_the_converter_gets_wrong_is_refused(tensorflow, tmp_path):
    tf = tensorflow
    columns = exported(tf, tmp_path / "wrong", lambda x: tf.concat(tf.unstack(x, axis=2), axis=1), (3, 4))
    with pytest.raises(ModelError) as error:
        saved_model_to_litert(columns)
    assert str(error.value).startswith("the file computes something else than the SavedModel; 'out' differs by 1")
    assert str(error.value).endswith(
        "% of its size; give the Keras model, to learn which layer the LiteRT converter gets wrong"
    )
