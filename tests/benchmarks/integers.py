"""What `qat` and `ptq` leave in float in well-known nets, how close the files are to the models, and how fast.

python tests/benchmarks/integers.py [NET ...]   all nets take about half an hour on two cores

Weights are random, trained for a few steps on noise: this measures files, not accuracy. Latencies are medians of one
run, one thread, in turn.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

SAMPLES = 24
SIZE = {"NASNetMobile": 96, "Xception": 71}
NETS = (
    "MobileNetV2", "MobileNetV3Small", "MobileNetV3Small minimalistic", "MobileNetV3Large",
    "MobileNetV3Large minimalistic", "EfficientNetB0", "EfficientNetV2B0", "ResNet50", "DenseNet121", "NASNetMobile",
    "ConvNeXtTiny", "Xception",
)  # fmt: skip
_ROUNDS = 5


def built(name: str) -> Any:
    """A net of keras.applications for small images and ten classes, whose normalizations have settled."""
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    kind, *options = name.split()
    size = SIZE.get(kind, 64)
    given = {"minimalistic": True} if options else {}
    model = getattr(tf_keras.applications, kind)(input_shape=(size, size, 3), weights=None, classes=10, **given)
    for layer in model.layers:
        if hasattr(layer, "momentum"):
            layer.momentum = 0.5
    _fit(model, 6)
    return model


def images(model: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Noise in the range of pixels."""
    shape = (SAMPLES, *model.input_shape[1:])
    return np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)


def _fit(model: Any, epochs: int) -> None:
    import tf_keras

    labels = np.random.default_rng(1).integers(0, 10, SAMPLES)
    model.compile(tf_keras.optimizers.SGD(1e-4), "sparse_categorical_crossentropy")
    model.fit(images(model), labels, batch_size=8, epochs=epochs, verbose=0)


def trained(model: Any) -> Any:
    """The model with half of its weights pruned and fake quantization, after a few steps."""
    from compressor.contracts.context import StepContext
    from compressor.contracts.model_state import ModelState
    from compressor.contracts.observer import Observer
    from compressor.data import ArraySplit
    from compressor.data.prepared_splits import RunData
    from compressor.training.trainer import Trainer
    from compressor_plugins.prune.prune import Prune
    from compressor_plugins.qat.qat import QAT

    split = ArraySplit(images(model), np.random.default_rng(1).integers(0, 10, SAMPLES))
    trainer = Trainer("step", RunData("noise", split, split.take(8), split.take(8)), 0, Observer(), [], smoke=False)
    state = ModelState()
    given = {"epochs": 1, "batch_size": 8, "learning_rate": 1e-5, "optimizer": "sgd"}
    for step in (Prune(Prune.Params(final_sparsity=0.5, **given)), QAT(QAT.Params(**given))):
        model = step.apply(model, StepContext(state=state, train=split, trainer=trainer, seed=0))
        state = step.plan(state)
    return model


def calibration(model: Any) -> Iterator[Any]:
    """The images one by one."""
    return (image[None] for image in images(model))


def decibels(found: Any, wanted: Any) -> float:
    """How far outputs are above their difference from others."""
    return float(10 * np.log10(np.square(wanted).mean() / max(np.square(found - wanted).mean(), 1e-30)))


def row(name: str) -> str:
    """The row of a net in the table."""
    from compressor.models.litert.conversion.converter import Conversion, to_litert
    from compressor.models.litert.reading.graph_contents import counted, float_operators
    from compressor.models.litert.running.interpreter import LiteRTModel

    model = built(name)
    began = time.perf_counter()
    quantized = trained(model)
    before = to_litert(quantized, Conversion("int8"))
    content = to_litert(quantized, Conversion("int8", calibration=calibration(model), trained=True))
    alone = to_litert(model, Conversion("int8", calibration=calibration(model)))
    files = [LiteRTModel(file) for file in (to_litert(model), content, alone)]
    wanted, given = quantized.predict(images(model), verbose=0), [file.run(images(model)[:8]) for file in files]
    p50 = [[] for _ in files]
    for _ in range(_ROUNDS):
        for times, file in zip(p50, files, strict=True):
            times.append(file.latency(images(model)[:1]).p50 * 1e3)
    medians = [f"{np.median(times):.1f}" for times in p50]
    cells = [
        name, f"{len(float_operators(before))}", counted(float_operators(content)) or "0",
        counted(float_operators(alone)) or "0", f"{len(content):,}", f"{len(alone):,}",
        f"{decibels(given[1], wanted[:8]):.0f} dB", " / ".join(medians), f"{time.perf_counter() - began:.0f} s",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    from compressor.models.files.tensorflow_setup import prepare_tensorflow

    prepare_tensorflow(0)
    headings = ["net", "float before", "after", "ptq alone", "bytes", "ptq alone", "file and QAT model"]
    headings += ["p50 ms: float / qat / ptq alone", "took"]
    print(f"| {' | '.join(headings)} |\n{'| --- ' * len(headings)}|")
    for name in sys.argv[1:] or NETS:
        import tf_keras

        tf_keras.backend.clear_session()
        print(row(name), flush=True)


if __name__ == "__main__":
    main()
