"""A few real digits, written out as people keep their data."""

import csv

import numpy as np
import pytest

from compressor.data import samples
from compressor.recipe.load import load


@pytest.fixture(scope="session")
def few(mnist):
    """150 images of digits as bytes, shape (150, 28, 28), and their labels."""
    chosen = mnist.train.samples
    return chosen.inputs[:150], chosen.targets[:150].astype(np.int64)


@pytest.fixture(params=["in memory", "on the disk"])
def budget(request, monkeypatch):
    """Every source is read both ways: held in memory, and piece by piece."""
    if request.param == "on the disk":
        monkeypatch.setattr(samples, "IN_MEMORY_BYTES", 1000)
    return request.param


@pytest.fixture
def tiny_budget(monkeypatch):
    """A machine whose memory holds a kilobyte of samples."""
    monkeypatch.setattr(samples, "IN_MEMORY_BYTES", 1000)


@pytest.fixture
def section():
    """A function that makes the data section of a recipe."""

    def make(**values):
        recipe = {"version": 1, "model": {"source": "mnist_cnn"}, "data": {"source": "mnist", **values}}
        return load(recipe).data

    return make


@pytest.fixture
def pictures(tensorflow, few):
    """A function that writes digits as PNG files into class folders."""

    def write(folder, chosen=slice(None), name="{}"):
        for number, (image, label) in enumerate(zip(few[0][chosen], few[1][chosen], strict=True)):
            place = folder / name.format(label)
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{number:03}.png").write_bytes(tensorflow.io.encode_png(image[..., None]).numpy())
        return folder

    return write


@pytest.fixture
def table(few):
    """A function that writes digits as a CSV file: the label, then the middle row of pixels."""

    def write(path, chosen=slice(None), end="\n", label=str, encoding="utf-8"):
        with path.open("w", newline="", encoding=encoding) as stream:
            lines = csv.writer(stream, lineterminator=end)
            lines.writerow(["digit", *(f"p{i}" for i in range(28))])
            for image, number in zip(few[0][chosen], few[1][chosen], strict=True):
                lines.writerow([label(number), *image[14]])
        return path

    return write
