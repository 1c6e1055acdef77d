"""CIFAR-10 and CIFAR-100."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compressor.contracts.sources import Dataset

if TYPE_CHECKING:
    from compressor.data import Splits


class CIFAR10(Dataset):
    """32x32 colour photographs in 10 classes, 50,000 to train and 10,000 to test, scaled to 0..1.

    Krizhevsky 2009, "Learning multiple layers of features from tiny images".
    """

    name = "cifar10"

    def load(self) -> Splits:
        """The data, from Keras' cache or downloaded."""
        import tf_keras

        from compressor_plugins.datasets.keras_downloads import from_keras

        return from_keras(tf_keras.datasets.cifar10.load_data)


class CIFAR100(Dataset):
    """32x32 colour photographs in 100 classes, 50,000 to train and 10,000 to test, scaled to 0..1.

    Krizhevsky 2009, "Learning multiple layers of features from tiny images".
    """

    name = "cifar100"

    def load(self) -> Splits:
        """The data, from Keras' cache or downloaded."""
        import tf_keras

        from compressor_plugins.datasets.keras_downloads import from_keras

        return from_keras(tf_keras.datasets.cifar100.load_data)
