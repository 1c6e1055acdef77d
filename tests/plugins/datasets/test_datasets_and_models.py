"""The data sets that are not embedded, and the models."""

import gzip
import struct

import numpy as np
import pytest

from compressor.base.errors import DataError
from compressor_plugins.datasets import fashion_mnist
from compressor_plugins.datasets.cifar import CIFAR10, CIFAR100
from compressor_plugins.models.lenet import LeNet5, LeNet300100
from compressor_plugins.models.mnist_cnn import MNISTCNN
from compressor_plugins.models.strided_cnn import StridedCNN


def write_idx(path, array):
    head = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}i", *array.shape)
    path.write_bytes(gzip.compress(head + array.tobytes()))


def test_fashion_mnist_is_found_where_debians_package_puts_it(tmp_path, monkeypatch):
    images = np.arange(2 * 28 * 28, dtype=np.uint8).reshape(2, 28, 28)
    for part in ("train", "t10k"):
        write_idx(tmp_path / f"{part}-images-idx3-ubyte.gz", images)
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte.gz", np.array([3, 9], np.uint8))
    monkeypatch.setattr(fashion_mnist, "DEBIAN_FOLDER", tmp_path)
    splits = fashion_mnist.FashionMNIST(fashion_mnist.FashionMNIST.Params()).load()
    features, labels = next(splits.test.batches(2))
    np.testing.assert_array_equal(features, images.astype(np.float32) * np.float32(1 / 255))
    assert labels.tolist() == [3, 9]


EMPTY = gzip.compress(b"")


@pytest.mark.parametrize(
    "content",
    [b"text", gzip.compress(b"text"), EMPTY[:9], EMPTY],
    ids=["plain text", "packed text", "cut header", "nothing packed"],
)
def test_a_file_that_is_cut_or_none_of_the_kind_is_told(tmp_path, content):
    path = tmp_path / "images.gz"
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        fashion_mnist.read_idx(path)
    assert str(error.value) == f"{path} is not an IDX file of bytes; install the package again"


def test_an_image_smaller_than_the_kernel_is_refused_before_anything_runs():
    with pytest.raises(ValueError, match="with this kernel_size and pool_size, images must be at least 4x4"):
        MNISTCNN.Params(input_shape=(28, 3))


@pytest.mark.parametrize("dataset", [CIFAR10, CIFAR100])
def test_a_download_without_a_network_is_a_clear_error(tensorflow, dataset, monkeypatch):
    import tf_keras

    def unreachable(*args, **kwargs):
        raise Exception("URL fetch failure on https://example.invalid: None -- [Errno -2] Name or service not known")

    monkeypatch.setattr(getattr(tf_keras.datasets, dataset.name), "load_data", unreachable)
    with pytest.raises(DataError) as error:
        dataset(dataset.Params()).load()
    assert str(error.value) == (
        "it cannot be downloaded (URL fetch failure on https://example.invalid: None -- "
        "[Errno -2] Name or service not known); connect to the network once, or put the files into ~/.keras/datasets"
    )


@pytest.mark.parametrize(
    ("model", "parameters", "outputs"),
    [(MNISTCNN, 20_410, 10), (LeNet300100, 266_610, 10), (LeNet5, 431_080, 10), (StridedCNN, 26_906, 10)],
)
def test_models_have_the_parameters_that_they_say(tensorflow, model, parameters, outputs):
    built = model(model.Params()).build()
    assert built.count_params() == parameters
    assert built.input_shape == (None, 28, 28)
    assert built.output_shape == (None, outputs)


def test_the_cnn_takes_every_option_of_the_scripts(tensorflow):
    params = MNISTCNN.Params(input_shape=(32, 20), num_classes=4, filters=5, kernel_size=5, pool_size=3)
    built = MNISTCNN(params).build()
    assert built.input_shape == (None, 32, 20)
    assert built.get_layer("conv").kernel.shape == (5, 5, 1, 5)
    assert built.get_layer("pool").output_shape == (None, 9, 5, 5)
    assert built.output_shape == (None, 4)


@pytest.mark.parametrize(
    ("params", "inputs", "outputs", "kernels"),
    [
        ({}, (None, 28, 28), (None, 10), 12),
        ({"input_shape": [32, 32, 3], "num_classes": 5, "width": 0.5}, (None, 32, 32, 3), (None, 5), 12),
    ],
)
def test_the_small_mobilenet_is_a_stem_and_pairs_of_depthwise_and_1x1_convolutions(
    tensorflow, params, inputs, outputs, kernels
):
    from compressor_plugins.models.mobilenet_small import MobileNetSmall

    model = MobileNetSmall(MobileNetSmall.Params(**params)).build()
    assert (model.input_shape, model.output_shape) == (inputs, outputs)
    assert sum(weight.shape.rank > 1 for weight in model.trainable_variables) == kernels
    names = [layer.name for layer in model.layers]
    assert names.index("depthwise_3_norm") + 1 == names.index("depthwise_3_relu")
    assert {float(layer.max_value) for layer in model.layers if layer.name.endswith("relu")} == {6.0}
    assert all(variable.shape[-1] % 8 == 0 for variable in model.trainable_variables[:-2] if variable.shape.rank == 1)
