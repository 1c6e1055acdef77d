"""LeNet-300-100 and LeNet-5, the usual benchmarks of the compression literature."""

from __future__ import annotations

from compressor import Model
from compressor.contracts.sources import ModelSource


class LeNet300100(ModelSource):
    """LeNet-300-100, fully connected: 266,610 parameters. Outputs are logits.

    LeCun et al. 1998, "Gradient-based learning applied to document recognition".
    """

    name = "lenet_300_100"

    def build(self) -> Model:
        """The model, with fresh weights."""
        import tf_keras
        from tf_keras import layers

        return tf_keras.Sequential(
            [
                layers.InputLayer((28, 28), name="image"),
                layers.Flatten(name="flatten"),
                layers.Dense(300, activation="relu", name="fc1"),
                layers.Dense(100, activation="relu", name="fc2"),
                layers.Dense(10, name="fc3"),
            ],
            name=self.name,
        )


class LeNet5(ModelSource):
    """LeNet-5 as in Caffe, the version that became the benchmark: 431,080 parameters. Outputs are logits.

    LeCun et al. 1998; the sizes 20, 50 and 500 are those of Han et al. 2016, "Deep Compression" (arXiv 1510.00149).
    """

    name = "lenet_5"

    def build(self) -> Model:
        """The model, with fresh weights."""
        import tf_keras
        from tf_keras import layers

        return tf_keras.Sequential(
            [
                layers.InputLayer((28, 28), name="image"),
                layers.Reshape((28, 28, 1), name="reshape"),
                layers.Conv2D(20, 5, name="conv1"),
                layers.MaxPooling2D(2, name="pool1"),
                layers.Conv2D(50, 5, name="conv2"),
                layers.MaxPooling2D(2, name="pool2"),
                layers.Flatten(name="flatten"),
                layers.Dense(500, activation="relu", name="fc1"),
                layers.Dense(10, name="fc2"),
            ],
            name=self.name,
        )
