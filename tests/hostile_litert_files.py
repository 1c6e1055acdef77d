"""Hostile `.tflite` files, and packages of them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from hostile_files import Case, Collection, damaged


def litert_file_cases(collection: Collection) -> Iterator[Case]:
    """All of them."""
    for part in (litert_cases, package_cases):
        yield from part(collection)


def litert_cases(collection: Collection) -> Iterator[Case]:
    """`.tflite` files with numbers that lead outside, or ask for too much."""
    from compressor.models.litert.format.flatbuffer import read_model, write_model

    whole = collection.files["m.tflite"]
    for kind, content in damaged(whole, flips=30, cuts=8):
        yield collection.model(f"tflite-{kind}", "m.tflite", content)
    changes: dict[str, Callable[[Any, Any, Any], Any]] = {
        "buffer": lambda model, graph, tensor: setattr(tensor, "buffer", 2**31),
        "big-shape": lambda model, graph, tensor: setattr(tensor, "shape", [2**31 - 1, 2**31 - 1, 2**31 - 1]),
        "wide-shape": lambda model, graph, tensor: setattr(tensor, "shape", [2**31 - 1]),
        "negative-shape": lambda model, graph, tensor: setattr(tensor, "shape", [-1, -2, -3]),
        "many-sizes": lambda model, graph, tensor: setattr(tensor, "shape", [1] * 10_000),
        "type": lambda model, graph, tensor: setattr(tensor, "type", 117),
        "name": lambda model, graph, tensor: setattr(tensor, "name", b"\xff\xfe\x1b[31m\n\0"),
        "long-name": lambda model, graph, tensor: setattr(tensor, "name", b"n" * 10**7),
        "no-name": lambda model, graph, tensor: setattr(tensor, "name", None),
        "inputs": lambda model, graph, tensor: setattr(graph, "inputs", [2**30]),
        "no-inputs": lambda model, graph, tensor: setattr(graph, "inputs", []),
        "outputs": lambda model, graph, tensor: setattr(graph, "outputs", [-5]),
        "no-outputs": lambda model, graph, tensor: setattr(graph, "outputs", []),
        "no-tensors": lambda model, graph, tensor: setattr(graph, "tensors", []),
        "no-operators": lambda model, graph, tensor: setattr(graph, "operators", []),
        "no-codes": lambda model, graph, tensor: setattr(model, "operatorCodes", []),
        "code": lambda model, graph, tensor: setattr(graph.operators[0], "opcodeIndex", 2**31),
        "operator": lambda model, graph, tensor: [setattr(code, "builtinCode", 10**6) for code in model.operatorCodes],
        "custom": lambda model, graph, tensor: [setattr(code, "builtinCode", 32) for code in model.operatorCodes],
        "operand": lambda model, graph, tensor: setattr(graph.operators[0], "inputs", [2**30, -7]),
        "circle": lambda model, graph, tensor: setattr(graph.operators[0], "inputs", graph.operators[-1].outputs),
        "options": lambda model, graph, tensor: setattr(graph.operators[0].builtinOptions, "strideW", 0),
        "padding": lambda model, graph, tensor: setattr(graph.operators[0].builtinOptions, "padding", 99),
        "dilation": lambda model, graph, tensor: setattr(graph.operators[0].builtinOptions, "dilationHFactor", 2**30),
        "version": lambda model, graph, tensor: setattr(model, "version", 2**32 - 1),
        "graphs": lambda model, graph, tensor: model.subgraphs.extend([graph] * 500),
        "offset": lambda model, graph, tensor: [
            setattr(buffer, "offset", 2**40) or setattr(buffer, "size", 2**40) for buffer in model.buffers
        ],
        "big-input": lambda model, graph, tensor: setattr(graph.tensors[graph.inputs[0]], "shape", [1, 2**20, 2**20]),
    }  # fmt: skip
    for name, change in changes.items():
        model = read_model(whole)
        graph = model.subgraphs[0]
        constant = next(tensor for tensor in graph.tensors if model.buffers[tensor.buffer].data is not None)
        change(model, graph, constant)
        yield collection.model(f"tflite-{name}", "m.tflite", write_model(model))
    for number, at in enumerate(range(0, 64, 4)):
        content = whole[:at] + struct.pack("<I", 2**32 - 1) + whole[at + 4 :]
        yield collection.model(f"tflite-word{number}", "m.tflite", content)
    yield collection.model("tflite-empty", "m.tflite", b"")
    yield collection.model("tflite-noise", "m.tflite", b"\x1c\0\0\0TFL3" + bytes(range(256)) * 40)


def package_cases(collection: Collection) -> Iterator[Case]:
    """`.tfpack` files of every coder, damaged, and with lengths that are lies."""
    from compressor.models.packing.coders import CODERS
    from compressor.models.packing.package import pack

    whole = collection.files["m.tflite"]
    packages = {name: pack(whole, name) for name in CODERS if name != "model"}
    packages["model"] = b"TFP\x04" + packages["gzip"][4:]
    for name, package in packages.items():
        for kind, content in damaged(package, flips=5, cuts=4, seed=1):
            yield collection.model(f"tfpack-{name}-{kind}", "m.tfpack", content)
        lengths = (
            b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
            b"\xff\xff\xff\xff\x0f",
            b"\x80\xc2\xd7\x2f",
            b"\0",
            b"\xff" * 12,
        )
        for number, length in enumerate(lengths):
            content = package[:4] + length + package[6:]
            yield collection.model(f"tfpack-{name}-length{number}", "m.tfpack", content)
        folder = f"tfpack-{name}-unpack"
        (collection.folder(folder) / "m.tfpack").write_bytes(package[:4] + lengths[2] + package[6:])
        yield Case(folder, ["unpack", f"{folder}/m.tfpack", f"{folder}/out.tflite"])
    coder = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    bomb = b"".join(coder.compress(bytes(10**7)) for _ in range(9)) + coder.flush()
    yield collection.model("tfpack-bomb", "m.tfpack", b"TFP\0\x80\xba\xf5\x2a" + bytes(4) + bomb)
    yield collection.model("tfpack-within", "m.tfpack", b"TFP\0" + b"\x10" + bytes(4) + packages["gzip"])
    yield collection.model("tfpack-coder", "m.tfpack", b"TFP\xff\x10" + bytes(40))
