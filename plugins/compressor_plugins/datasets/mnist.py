"""MNIST, all of it, from a file in the package."""

from __future__ import annotations

from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from compressor.contracts.sources import Dataset

if TYPE_CHECKING:
    from compressor.data import Splits


class MNIST(Dataset):
    """28x28 grey images of handwritten digits, 60,000 to train and 10,000 to test, scaled to 0..1.

    LeCun, Cortes & Burges, "The MNIST database of handwritten digits", CC BY-SA 3.0.
    """

    name = "mnist"

    def load(self) -> Splits:
        """The data, from the file in the package."""
        from compressor.data import load_splits

        with as_file(files("compressor_plugins.datasets.data").joinpath("mnist.npz")) as path:
            return load_splits(path)
