"""Real architectures at small sizes, from Keras 3 files through prune, qat and ptq, as a user would run them.

Two optimizer steps each: this is about what the steps make of the layers, not about accuracy.
"""

from dataclasses import dataclass, field

import numpy as np
import pytest
from foreign_files import blocks, written

import compressor

CALIBRATED = " is not simulated in training; calibration gives it its ranges"


@dataclass(frozen=True)
class Case:
    """`int8` is the least share of the kernels' values in 8 bits; `left` are the layers that qat leaves in float.

    `tolerance` is how far the shipped file's outputs may be from the Keras model's, as a share of their range: before
    any quantization, and with 8 bits. The outputs are logits: with random weights, softmax's would hardly differ from
    one another, and their range would be of the size of rounding errors.
    """

    inputs: str = "images"
    int8: float = 0.99
    left: dict[str, str] = field(default_factory=dict)
    tolerance: tuple[float, float] = (1e-4, 0.1)


CASES = {
    "MobileNetV2": Case(),
    "EfficientNetV2B0": Case(),
    "ResNet50": Case(),
    "DenseNet121": Case(),
    "LSTM": Case(
        "tokens",
        0.05,
        {"embedding": "Embedding" + CALIBRATED, "lstm": "LSTM" + CALIBRATED},
    ),
    "Transformer": Case(
        "tokens",
        0.5,
        {
            "embedding": "Embedding" + CALIBRATED,
            "attention": "MultiHeadAttention" + CALIBRATED,
            "layer_normalization": "LayerNormalization" + CALIBRATED,
            "layer_normalization_1": "LayerNormalization" + CALIBRATED,
        },
    ),
    "U-Net": Case(),
    "autoencoder": Case("vectors"),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory, request):
    """The files of the architectures that this session takes through; writing the large ones takes a minute."""
    chosen = [item.callspec.params["name"] for item in request.session.items if item.module is request.module]
    return written(tmp_path_factory.mktemp("foreign"), f"architectures:{','.join(chosen)}") / "architectures"


@pytest.fixture
def data(files, tmp_path):
    """A function that writes random samples that fit a model: its path."""

    def write(name, kind):
        generator = np.random.default_rng(0)
        with np.load(files / f"{name}.inputs.npz") as inputs, np.load(files / f"{name}.outputs.npz") as outputs:
            shape, out = (12, *inputs[inputs.files[0]].shape[1:]), (12, *outputs[outputs.files[0]].shape[1:])
        features = {
            "images": lambda: blocks(shape),
            "tokens": lambda: generator.integers(0, 50, shape),
            "vectors": lambda: generator.normal(size=shape).astype(np.float32),
        }[kind]()
        labels = generator.integers(0, 10, 12) if out == (12, 10) else generator.random(out).astype(np.float32)
        np.savez(tmp_path / "data.npz", x_train=features, y_train=labels, x_test=features[:4], y_test=labels[:4])
        return tmp_path / "data.npz", labels.ndim == 1

    return write


LONG = ("EfficientNetV2B0", "ResNet50", "DenseNet121", "LSTM")  # in `make test`, MobileNetV2 and U-Net stand for them


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.long] * (name in LONG)) for name in CASES])
def test_an_architecture_goes_from_keras_3_to_a_pruned_8_bit_file(name, files, data, tmp_path):
    case = CASES[name]
    path, classes = data(name, case.inputs)
    recipe = {
        "version": 1,
        "model": {"source": str(files / f"{name}.keras")},
        "data": {"source": str(path), "validation_split": 0.25, "preprocess": []},
        "training": {
            "batch_size": 4,
            "optimizer": "adam",
            "learning_rate": 1e-4,
            "loss": "sparse_categorical_crossentropy" if classes else "mse",
        },
        "evaluation": {"metrics": ["accuracy" if classes else "mse"]},
        "steps": [{"uses": "prune", "with": {"final_sparsity": 0.75}}, {"uses": "qat"}, {"uses": "ptq"}],
    }
    report, _ = compressor.apply(recipe, output=tmp_path / "out", smoke=True)
    baseline, pruned, quantized, shipped = report.stages
    assert baseline.notes[0].startswith("brought from Keras 3 to Keras 2, outputs within ")
    assert pruned.sparsity >= 0.7
    assert shipped.sparsity >= pruned.sparsity - 0.005
    assert quantized.left_alone == case.left
    kernels = [layer for layer in shipped.layers if len(layer.shape) > 1 and layer.dtype in ("float32", "int8")]
    in_8_bits = sum(layer.parameters for layer in kernels if layer.dtype == "int8")
    assert in_8_bits / sum(layer.parameters for layer in kernels) >= case.int8
    for stage, allowed in ((baseline, case.tolerance[0]), (pruned, case.tolerance[0]), (quantized, case.tolerance[1])):
        assert stage.agreement.largest <= allowed, stage.id
