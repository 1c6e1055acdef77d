"""Makes the table of what each technique does to each layer type, by running it on a small model from Keras 3.

python tests/layer_table.py           print the table
python tests/layer_table.py --write   write it to docs/layers.md, whose rows test_layer_table.py checks, and as data
python tests/layer_table.py --write --missing   the same for the types that have no row yet

Each row is written as soon as it is known, so that `--missing` completes an interrupted run.
"""

from __future__ import annotations

import csv
import io
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from foreign_files import written
from layer_zoo import ZOO, sample

import compressor

DOCS = Path(__file__).parents[1] / "docs" / "layers.md"
DATA = Path(compressor.__file__).parent / "inspecting" / "layer_types.csv"  # the same, for `compressor inspect`
TECHNIQUES = ("bridge", "prune", "cluster", "qat", "ptq")
IN_FLOAT = "float operators left in the int8 file"
COLUMNS = (*TECHNIQUES, IN_FLOAT)
_TRAINING = {"epochs": 1, "batch_size": 3, "optimizer": "sgd", "learning_rate": 1e-4, "loss": "mse"}
_INTRODUCTION = """# Layer types

What each step does to each type of layer. Every row comes from a small model, saved by Keras 3, in which the layer is
followed by a Dense layer. The `bridge` converts the model to Keras 2, and each step is run on the result. The table is
made by `python tests/layer_table.py --write`.

- **works**: the layer is converted (`bridge`), or its kernels become sparse (`prune`), clustered (`cluster`) or 8-bit
  (`qat`, `ptq`); a layer without kernels computes in 8 bits
- **calibrated**: `qat` trains around the layer; its weights and ranges become integers after training, by calibration,
  as with `ptq` alone. The report names the layer if it has weights
- **float**: the step runs, but leaves the layer as it is, in float; the report names the layer if it has weights
- **-**: the layer has no kernel, so there is nothing to do
- **refused**: the step stops with a message that says why

The last column counts the operators of the file after `qat` that compute in float, or after `ptq` where `qat` is
refused.

"""


def verdicts(name: str, file: Path) -> dict[str, str]:
    """What each technique does to the layer type of which a Keras 3 file has a specimen."""
    from compressor.models.keras3 import from_keras3

    found = {"bridge": "works"}
    for technique in TECHNIQUES[1:]:
        bridged = from_keras3(file, verify=False)
        try:
            found[technique] = globals()[f"_{technique}"](_with_dense(bridged), name)
        except _errors():
            found[technique] = "refused"
    found[IN_FLOAT] = _left_in_float(_with_dense(from_keras3(file, verify=False)), name)
    return found


def _errors() -> Any:
    from compressor.base.errors import CompressorError

    return CompressorError


def _with_dense(model: Any) -> Any:
    import tf_keras

    outputs = model.outputs[0]
    flat = tf_keras.layers.Flatten(name="zoo_flatten")(outputs)
    return tf_keras.Model(model.inputs, tf_keras.layers.Dense(4, name="zoo_dense")(flat))


def _context(model: Any, name: str, state: Any = None) -> Any:
    from compressor.contracts.context import StepContext
    from compressor.contracts.model_state import ModelState
    from compressor.contracts.observer import Observer
    from compressor.data import ArraySplit
    from compressor.data.prepared_splits import RunData
    from compressor.training.trainer import Trainer

    inputs = [array.astype(np.float32) for array in sample(name)]
    features = inputs[0] if len(inputs) == 1 else dict(zip(model.input_names, inputs, strict=True))
    split = ArraySplit(features, np.zeros((3, 4), np.float32))
    trainer = Trainer("zoo", RunData("zoo", split, split, split), 0, Observer(), [], smoke=True)
    return StepContext(state=state or ModelState(), train=split, trainer=trainer, seed=0)


def _specimens(model: Any, name: str) -> list[Any]:
    """The layers of the type to try, without the layers that were added after them."""
    found = [layer for layer in model._flatten_layers(include_self=False) if type(layer).__name__ == name]
    return [layer for layer in found if not layer.name.startswith("zoo_")]


def _kernels(model: Any, name: str) -> list[Any]:
    own = _specimens(model, name)
    return [weight.numpy() for layer in own for weight in layer.trainable_weights if weight.shape.rank > 1]


def _prune(model: Any, name: str) -> str:
    from compressor_plugins.prune.prune import Prune

    if not _kernels(model, name):
        Prune(Prune.Params(**_TRAINING)).apply(model, _context(model, name))
        return "-"
    pruned = Prune(Prune.Params(final_sparsity=0.5, **_TRAINING)).apply(model, _context(model, name))
    zeros = [float((kernel == 0).mean()) for kernel in _kernels(pruned, name)]
    return "works" if max(zeros) >= 0.3 else "float"


def _cluster(model: Any, name: str) -> str:
    from compressor_plugins.cluster.cluster import Cluster

    kernels = _kernels(model, name)
    clustered = Cluster(Cluster.Params(number_of_clusters=2, **_TRAINING)).apply(model, _context(model, name))
    if not kernels:
        return "-"
    counts = [len(np.unique(kernel)) for kernel in _kernels(clustered, name)]
    return "works" if min(counts) <= 2 else "float"


def _qat(model: Any, name: str) -> str:
    context = _context(model, name)
    content = _trained_file(model, context)
    verdict = _in_file(content, model, name, ())
    if verdict == "works" and {layer.name for layer in _specimens(model, name)} & set(context.left_alone):
        return "calibrated"
    return verdict


def _trained_file(model: Any, context: Any) -> bytes:
    from compressor.models.litert.conversion.converter import Conversion, to_litert
    from compressor_plugins.qat.qat import QAT

    quantized = QAT(QAT.Params(**_TRAINING)).apply(model, context)
    return to_litert(quantized, Conversion("int8", calibration=context.calibration(3), trained=True))


def _left_in_float(model: Any, name: str) -> str:
    from compressor.models.litert.reading.graph_contents import counted, float_operators
    from compressor_plugins.ptq.ptq import PTQ

    for quantize in (_trained_file, PTQ(PTQ.Params()).apply):
        try:
            return counted(float_operators(quantize(model, _context(model, name)))) or "none"
        except _errors():
            continue
    return "refused"


def _ptq(model: Any, name: str) -> str:
    from compressor_plugins.ptq.ptq import PTQ

    context = _context(model, name)
    return _in_file(PTQ(PTQ.Params()).apply(model, context), model, name, context.left_alone)


def _in_file(content: bytes, model: Any, name: str, left_alone: Collection[str]) -> str:
    """Whether the specimen's kernels, or its computation where it has none, are in 8 bits in the file.

    `left_alone` are the names of layers, or of tensors that begin with them, that the step says it left in float.
    """
    from compressor.models.litert.reading.contents import dissect
    from compressor.models.litert.reading.graph_contents import float_operators

    kernels = _kernels(model, name)
    if kernels and {layer.name for layer in _specimens(model, name)} & {left.split("/")[0] for left in left_alone}:
        return "float"
    if kernels:  # none of them in the file where the converter folded the layer into the one behind
        own = [tensor for tensor in dissect(content).kernels if not tensor.name.startswith("zoo_dense")]
        return "works" if all(tensor.bits <= 8 for tensor in own) else "float"
    return "float" if float_operators(content) else "works"


def document(rows: dict[str, dict[str, str]]) -> str:
    """The page of the docs, which says so where types have not been tried yet."""
    missing = [f"`{name}`" for name in ZOO if name not in rows]
    untried = f"\nTaken by the bridge, and not tried with every step yet: {', '.join(missing)}.\n" if missing else ""
    return _INTRODUCTION + table(rows) + untried


def table(rows: dict[str, dict[str, str]]) -> str:
    """The rows as Markdown."""
    lines = [f"| layer | {' | '.join(COLUMNS)} |", "| --- " * (len(COLUMNS) + 1) + "|"]
    lines += [f"| `{name}` | {' | '.join(row[key] for key in COLUMNS)} |" for name, row in sorted(rows.items())]
    return "\n".join(lines) + "\n"


def data(rows: dict[str, dict[str, str]]) -> str:
    """The rows as `compressor inspect` reads them."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("layer", *COLUMNS))
    writer.writerows((name, *(row[key] for key in COLUMNS)) for name, row in sorted(rows.items()))
    return stream.getvalue()


def read_table() -> dict[str, dict[str, str]]:
    """The rows of the table in the docs."""
    lines = [line for line in DOCS.read_text().splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {name.strip("`"): dict(zip(COLUMNS, rest, strict=True)) for name, *rest in cells}


def main() -> None:
    """Try every layer type."""
    from compressor.models.files.tensorflow_setup import prepare_tensorflow

    write = "--write" in sys.argv
    rows = read_table() if "--missing" in sys.argv and DOCS.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        files = written(Path(folder), "zoo") / "zoo"
        for name in [name for name in ZOO if name not in rows]:
            import tf_keras

            prepare_tensorflow(0)
            tf_keras.backend.clear_session()
            rows[name] = verdicts(name, files / f"{name}.keras")
            print(f"{name:24}", *(f"{rows[name][key]:8}" for key in COLUMNS), flush=True)
            if write:
                DOCS.write_text(document(rows))
                DATA.write_text(data(rows))


if __name__ == "__main__":
    main()
