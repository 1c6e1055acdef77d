"""Fuzzes a reader with coverage as its guide, by libFuzzer: each input must be read or refused with a CompressorError.

    python tests/fuzz_readers.py recipe --seconds 300

Takes `recipe`, `litert`, `package`, `npy`, `npz` or `csv`. Ends with another exit code than 0 on any other exception,
a crash, 2 GB of memory or 60 s for one input, and keeps the input in the folder that it names.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import atheris
import numpy as np

with atheris.instrument_imports(include=["compressor", "yaml"], enable_loader_override=False):
    from compressor.base.errors import CompressorError
    from compressor.data.arrays import npz_splits
    from compressor.data.npy_files import open_npy
    from compressor.data.table_files import CsvTable
    from compressor.data.tables import table_splits
    from compressor.models.litert.reading.contents import dissect
    from compressor.models.litert.reading.graph_contents import main_graph_of, operators_of, signatures_of
    from compressor.models.litert.reading.open_sizes import open_inputs
    from compressor.models.micro.arena import plan_arena
    from compressor.models.packing.coders import CODERS
    from compressor.models.packing.package import pack, unpack
    from compressor.planning import planner
    from compressor.planning.registry import Registry
    from compressor.recipe import shipped

INPUTS = Path(__file__).parent / "fuzz_inputs"


def readers(folder: Path) -> dict[str, Callable[[bytes], object]]:
    """What reads an input, by the name of the target; files are written to a folder."""
    registry = Registry.installed()

    def written(name: str, content: bytes) -> Path:
        path = folder / name
        path.write_bytes(content)
        return path

    def recipe(content: bytes) -> None:
        planner.check(written("recipe.yaml", content), (), registry)

    def litert(content: bytes) -> None:
        dissect(content)
        operators_of(content)
        signatures_of(content)
        open_inputs(content)
        main_graph_of(content)
        plan_arena(content)

    def npy(content: bytes) -> None:
        array = open_npy(written("x.npy", content), text=True)
        array[:4]

    def csv(content: bytes) -> None:
        table_splits({"train": CsvTable((written("t.csv", content),))}, "y", None, None, folder)

    return {
        "recipe": recipe,
        "litert": litert,
        "package": unpack,
        "npy": npy,
        "npz": lambda content: npz_splits(written("d.npz", content)),
        "csv": csv,
    }


def seeds(target: str) -> Iterable[bytes]:
    """Whole inputs to begin with, and those that once led to a fault."""
    yield from (path.read_bytes() for path in sorted(INPUTS.glob(f"{target}-*")))
    stream = io.BytesIO()
    if target == "recipe":
        yield from (path.read_bytes() for path in sorted(shipped.folder().glob("*.yaml")))
    elif target == "litert":
        yield _model()
    elif target == "package":
        yield from (pack(_model(), name) for name in CODERS if CODERS[name].encode(_model()) is not None)
    elif target == "npy":
        for array in (np.zeros((2, 3), "f4"), np.arange(5), np.array(["a", "bc"])):
            np.save(stream, array)
            yield stream.getvalue()
            stream = io.BytesIO()
    elif target == "npz":
        for save in (np.savez, np.savez_compressed):
            save(stream, x=np.zeros((4, 2), "f4"), y=np.arange(4))
            yield stream.getvalue()
            stream = io.BytesIO()
    else:
        yield from (b"a,b,y\n1,2,0\n3,4.5,1\n", b'a,"b\n",y\r\n1e3,-2,cat\r\n"3",4,dog\r\n')


def _model() -> bytes:
    """A LiteRT file of one operator, written without TensorFlow."""
    from ai_edge_litert import schema_py_generated as schema

    from compressor.models.litert.format.flatbuffer import write_model

    def tensor(name: bytes, shape: list[int], buffer: int) -> schema.TensorT:
        made = schema.TensorT()
        made.name, made.shape, made.buffer, made.type = name, shape, buffer, schema.TensorType.FLOAT32
        return made

    buffers = [schema.BufferT() for _ in range(3)]
    buffers[2].data = np.arange(64, dtype=np.float32).view(np.uint8)
    code, operator, graph, model = schema.OperatorCodeT(), schema.OperatorT(), schema.SubGraphT(), schema.ModelT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.FULLY_CONNECTED
    operator.inputs, operator.outputs = [0, 1, -1], [2]
    operator.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    operator.builtinOptions = schema.FullyConnectedOptionsT()
    graph.tensors = [tensor(b"x", [1, 16], 0), tensor(b"w", [4, 16], 2), tensor(b"y", [1, 4], 1)]
    graph.inputs, graph.outputs, graph.operators = [0], [2], [operator]
    model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [code], [graph], buffers
    return write_model(model)


def main() -> None:
    """Fuzz one target for some seconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=["recipe", "litert", "package", "npy", "npz", "csv"])
    parser.add_argument("--seconds", type=int, default=60)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{arguments.target}-"))
    for name in ("corpus", "work"):
        (folder / name).mkdir()
    for number, content in enumerate(seeds(arguments.target)):
        (folder / "corpus" / f"seed{number}").write_bytes(content)
    read = readers(folder / "work")[arguments.target]

    def tried(content: bytes) -> None:
        with suppress(CompressorError):
            read(content)

    options = [f"-max_total_time={arguments.seconds}", "-rss_limit_mb=2048", "-timeout=60", "-max_len=20000"]
    command = [sys.argv[0], *options, f"-artifact_prefix={folder}/", "-print_final_stats=1", str(folder / "corpus")]
    print(f"{arguments.target}: in {folder}")
    atheris.Setup(command, tried)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
