"""Reads and compresses the files in `versions/`, which each version of Keras made itself, and makes a table of it.

python tests/models/files/version_table.py           print the table
python tests/models/files/version_table.py --write   write it to docs/models.md
"""

from __future__ import annotations

import json
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

ARCHIVES = Path(__file__).parent / "versions"
DOCS = Path(__file__).parents[3] / "docs" / "models.md"
_NEXT = "## ONNX and PyTorch"
_HEADING = """## Versions

Small models of convolutions, recurrence, attention and models within models, saved by each version itself, are among
the tests. How many of the files that it could write are read here with the same outputs, and whether the convolutional
one is pruned and quantized (made by `python tests/models/files/version_table.py --write`):

"""
_FORMATS = {".keras": "`.keras`", ".h5": "`.h5`", ".savedmodel": "SavedModel", ".tflite": "`.tflite`"}
_TOLERANCE = 1e-5


def versions() -> list[str]:
    """The versions that have an archive, the oldest first."""
    names = [path.name.removesuffix(".tar.xz") for path in ARCHIVES.glob("*.tar.xz")]
    return sorted(names, key=lambda name: [int(part) for part in name.removeprefix("tf_keras-").split(".")])


def files_of(version: str) -> list[str]:
    """The names of the models' files in a version's archive; the folder of a SavedModel stands for what it holds."""
    with tarfile.open(ARCHIVES / f"{version}.tar.xz") as archive:
        return sorted(name for name in archive.getnames() if "/" not in name and Path(name).suffix in _FORMATS)


def unpacked(version: str, folder: Path) -> Path:
    with tarfile.open(ARCHIVES / f"{version}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


def difference(path: Path) -> float:
    """The largest difference between what a file computes here and what its model computed where it was saved."""
    with np.load(path.with_name(f"{path.name.partition('.')[0]}.npz")) as arrays:
        inputs = {name: array for name, array in arrays.items() if name != "outputs"}
        expected = arrays["outputs"]
    features = inputs if len(inputs) > 1 else next(iter(inputs.values()))
    return float(np.abs(_outputs(loaded(path), features) - expected).max())


def loaded(path: Path) -> Any:
    """The model in a file; one of Keras 3 is held against what Keras 3 computed here, and not against Keras 3 again."""
    from compressor.base.path_or_function import Reference
    from compressor.models.files.keras_files import load_keras
    from compressor.models.files.loading import build_model
    from compressor.models.keras3 import from_keras3, is_keras3

    if path.is_dir() or path.suffix == ".tflite":
        return build_model(Reference("path", str(path)), trusted=path.is_dir()).model
    return from_keras3(path, verify=False) if is_keras3(path) else load_keras(path)


def _outputs(model: Any, features: Any) -> Any:
    from compressor.models.litert.running.interpreter import LiteRTModel

    if not isinstance(model, bytes):
        return model.predict(features, verbose=0)
    file = LiteRTModel(model)
    if isinstance(features, dict):  # whose names TensorFlow lengthened
        names = [end.name for end in file.inputs]
        features = {next(name for name in names if key in name): array for key, array in features.items()}
    return file.run(features)


def compressed(path: Path) -> str:
    """Prune a model and quantize the result, and count: "works" where half of its zeros are in an int8 file."""
    from compressor.contracts.context import StepContext
    from compressor.contracts.model_state import ModelState
    from compressor.contracts.observer import Observer
    from compressor.data import ArraySplit
    from compressor.data.prepared_splits import RunData
    from compressor.models.litert.reading.contents import dissect
    from compressor.training.trainer import Trainer
    from compressor_plugins.prune.prune import Prune
    from compressor_plugins.ptq.ptq import PTQ

    model = loaded(path)
    with np.load(path.with_name("convolutions.npz")) as arrays:
        split = ArraySplit(arrays["image"], np.arange(len(arrays["image"])) % 3)

    def context() -> StepContext:
        trainer = Trainer("step", RunData("images", split, split, split), 0, Observer(), [], smoke=True)
        return StepContext(state=ModelState(), train=split, trainer=trainer, seed=0)

    pruned = Prune(Prune.Params(final_sparsity=0.5, epochs=1, batch_size=4)).apply(model, context())
    anatomy = dissect(PTQ(PTQ.Params()).apply(pruned, context()))
    int8 = all(kernel.dtype == "int8" for kernel in anatomy.kernels)
    return "works" if int8 and anatomy.sparsity > 0.3 else "float"


def rows() -> Iterator[Mapping[str, str]]:
    """A row of the table for each version."""
    for version in versions():
        with tempfile.TemporaryDirectory() as temporary:
            folder = unpacked(version, Path(temporary))
            facts = json.loads((folder / "versions.json").read_text())
            files = files_of(version)
            cells = {"version": _named(version, facts["keras"]), "TensorFlow": facts["tensorflow"]}
            for suffix, title in _FORMATS.items():
                names = [name for name in files if name.endswith(suffix)]
                read = sum(_reads(folder / name) for name in names)
                cells[title] = f"{read} of {len(names)}" if names else "-"
            cells["prune, ptq"] = compressed(folder / "convolutions.keras")
            yield cells


def _named(version: str, exact: str) -> str:
    return f"tf_keras {exact}" if version.startswith("tf_keras") else f"Keras {exact}"


def _reads(path: Path) -> bool:
    from compressor.base.errors import ModelError

    try:
        return difference(path) <= _TOLERANCE
    except ModelError as error:
        print(error, file=sys.stderr)
        return False


def table() -> str:
    """The table as Markdown, without columns of which no version has anything."""
    made = list(rows())
    titles = [title for title in made[0] if any(row[title] != "-" for row in made)]
    lines = [f"| {' | '.join(titles)} |", f"|{' --- |' * len(titles)}"]
    lines += [f"| {' | '.join(row[title] for title in titles)} |" for row in made]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    from compressor.models.files.tensorflow_setup import prepare_tensorflow

    prepare_tensorflow(seed=0)
    text = table()
    if "--write" in sys.argv:
        page = DOCS.read_text()
        before, after = page.split(_HEADING if _HEADING in page else _NEXT)[0], page.partition(_NEXT)[2]
        DOCS.write_text(f"{before}{_HEADING}{text}\n{_NEXT}{after}")
    print(text)
