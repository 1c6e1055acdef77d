"""Fashion-MNIST, from Debian's package where it is installed and from Keras otherwise."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor import DataError
from compressor.contracts.sources import Dataset

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from compressor.data import Splits

DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
_DEBIAN_HINT = ", or install Debian's package dataset-fashion-mnist"


class FashionMNIST(Dataset):
    """28x28 grey images of clothing in 10 classes, 60,000 to train and 10,000 to test, scaled to 0..1.

    Xiao, Rasul & Vollgraf 2017 (arXiv 1708.07747), MIT licence.
    """

    name = "fashion_mnist"

    def load(self) -> Splits:
        """The data, from Debian's package, from Keras' cache or downloaded."""
        from compressor_plugins.datasets.keras_downloads import from_keras

        return from_keras(_load, _DEBIAN_HINT)


def _load() -> Any:
    if (DEBIAN_FOLDER / "train-images-idx3-ubyte.gz").exists():
        return tuple(
            (
                read_idx(DEBIAN_FOLDER / f"{part}-images-idx3-ubyte.gz"),
                read_idx(DEBIAN_FOLDER / f"{part}-labels-idx1-ubyte.gz"),
            )
            for part in ("train", "t10k")
        )
    import tf_keras

    return tf_keras.datasets.fashion_mnist.load_data()


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array in a gzipped IDX file of bytes.

    Raises:
        DataError: the file is no such file, or damaged.
    """
    import numpy as np

    try:
        with gzip.open(path) as stream:
            content = stream.read()
        rank = content[3]
        shape = np.frombuffer(content, ">i4", rank, 4)
        values = np.frombuffer(content, np.uint8, offset=4 + 4 * rank)
        if content[2] == 8:
            return values.reshape(shape)
    except (EOFError, ValueError, IndexError, gzip.BadGzipFile):
        pass
    raise DataError(f"{path} is not an IDX file of bytes", "install the package again")
