"""Writes what a model holds, takes and gives in C, for the files of a firmware kit."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from importlib.resources import files

import numpy as np

from compressor.base.errors import ModelError
from compressor.base.outgoing import c_comment
from compressor.models.litert.format.tensor_types import TensorType
from compressor.models.litert.reading.graph_contents import FileEndpoint
from compressor.models.micro.c_header import ALIGNAS, c_array
from compressor.models.micro.sample_vector import SampleVector

ORIGIN = "Written by `compressor export`; do not edit."


def filled(template: str, **values: object) -> str:
    """Fill in a file of `templates/`: replace `@NAME@` and the like."""
    text = (files("compressor.models.micro") / "templates" / template).read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace(f"@{key}@", str(value))
    return text


def model_header(name: str, constants: Sequence[str]) -> str:
    """Write the header that declares the model's bytes and defines constants."""
    guard = name.upper()
    lines = [
        f"/* {ORIGIN} */",
        f"#ifndef {guard}_H\n#define {guard}_H\n",
        '#ifdef __cplusplus\nextern "C" {\n#endif\n',
        f"extern const unsigned char {name}[]; /* aligned to 16 bytes */",
        f"extern const unsigned int {name}_len;",
        f"extern const char {name}_sha256[]; /* in hexadecimal */\n",
        *constants,
        "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n",
    ]
    return "\n".join(lines)


def model_source(name: str, content: bytes) -> Iterator[str]:
    """Write the source file that defines what `model_header` declares, in parts, for C11 and C++11 or later."""
    yield f'/* {ORIGIN} */\n#include "{name}.h"\n\n{ALIGNAS}\n'
    yield from c_array(content, f"const unsigned char {name}[]")
    yield f"const unsigned int {name}_len = {len(content)};\n"
    yield f'const char {name}_sha256[] = "{hashlib.sha256(content).hexdigest()}";\n'


def endpoint_constants(name: str, side: str, ends: Sequence[FileEndpoint]) -> Iterator[str]:
    """Define what firmware must know of the inputs or outputs, in their order.

    Raises:
        ModelError: one has a scale that is no number in C, or holds values of a type that has no fixed size.
    """
    for number, end in enumerate(ends):
        prefix = f"{name.upper()}_{side.upper()}_{number}"
        shape = "x".join(map(str, end.sizes)) or "scalar"
        if not math.isfinite(end.scale):
            raise ModelError(f"the {side} '{end.name}' has the scale {end.scale}", "make the file again")
        yield f"/* {side} {number}: {c_comment(end.name)}, {end.dtype}, {shape}"
        if end.scale:
            yield " * value = SCALE * (stored number - ZERO_POINT) */"
            yield f"#define {prefix}_SCALE {c_float(end.scale)}"
            yield f"#define {prefix}_ZERO_POINT ({end.zero_point})"
        else:
            yield " * not quantized */"
        yield f"#define {prefix}_ELEMENTS {math.prod(end.sizes)}"
        yield f"#define {prefix}_BYTES {endpoint_bytes(end)}\n"


def endpoint_bytes(end: FileEndpoint) -> int:
    """Count the bytes of an input or output, in the sizes that the file is laid out for.

    Raises:
        ModelError: its type has no fixed size, as that of strings.
    """
    type_ = TensorType.__members__.get(end.dtype.upper())
    if type_ is None:
        what = f"'{end.name}' holds values of the type {end.dtype}, which firmware has no array for"
        raise ModelError(what, "change what the model takes and gives to numbers")
    bits = type_.bits
    return -(-math.prod(end.sizes) * bits // 8)


def vector_header(name: str, vector: SampleVector, origin: str) -> Iterator[str]:
    """Write the header of a self-test vector, in parts."""
    guard = f"{name.upper()}_VECTOR_H"
    yield f"/* {ORIGIN}\n * {c_comment(origin)}\n * Bytes as the tensors hold them, the lowest of a number first. */\n"
    yield f"#ifndef {guard}\n#define {guard}\n\n{ALIGNAS}"
    for side, contents in (("input", vector.inputs), ("output", vector.outputs)):
        for number, content in enumerate(contents):
            yield "\n"
            yield from c_array(content, f"static const unsigned char {name}_{side}_{number}[{len(content)}]")
    yield "\n/* how far an output may be off: a device's kernels round in other places than LiteRT's */\n"
    for number, allowed in enumerate(vector.allowed):
        constant = f"{name.upper()}_OUTPUT_{number}_ALLOWED"
        yield f"#ifndef {constant}\n#define {constant} {c_float(allowed)}\n#endif\n"
    yield "\n#endif\n"


def c_float(number: float) -> str:
    """Write a number as a float constant of C, rounded to 32 bits."""
    text = f"{np.float32(number):.9g}"
    return f"{text}f" if any(char in text for char in ".e") else f"{text}.0f"
