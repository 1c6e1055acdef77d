"""Writes bytes as C, to be built into firmware."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

_BYTES_A_LINE = 12
_BYTE = [f"0x{byte:02x}" for byte in range(256)]
_KEYWORDS = frozenset(
    [
        "alignas",
        "alignof",
        "and",
        "asm",
        "auto",
        "bool",
        "break",
        "case",
        "catch",
        "char",
        "class",
        "const",
        "continue",
        "default",
        "delete",
        "do",
        "double",
        "else",
        "enum",
        "export",
        "extern",
        "false",
        "float",
        "for",
        "friend",
        "goto",
        "if",
        "inline",
        "int",
        "long",
        "main",
        "namespace",
        "new",
        "not",
        "operator",
        "or",
        "private",
        "protected",
        "public",
        "register",
        "return",
        "short",
        "signed",
        "sizeof",
        "static",
        "struct",
        "switch",
        "template",
        "this",
        "throw",
        "true",
        "try",
        "typedef",
        "typename",
        "union",
        "unsigned",
        "using",
        "virtual",
        "void",
        "volatile",
        "while",
        "xor",
    ]
)
ALIGNAS = "#ifndef __cplusplus\n#include <stdalign.h>\n#endif\n"
"""What a C file needs before it uses `alignas`; C++ has the word."""


def c_header(content: bytes, name: str) -> Iterator[str]:
    """A header, in parts, that defines `NAME` (16-byte aligned), `NAME_len` in bytes, and `NAME_sha256` in hexadecimal.

    It is for C11 and C++11 or later, and is to be included in one source file only.
    """
    guard = f"{name.upper()}_H"
    yield f"#ifndef {guard}\n#define {guard}\n\n{ALIGNAS}\n"
    yield from c_array(content, f"static const unsigned char {name}[]")
    yield f"static const unsigned int {name}_len = {len(content)};\n"
    yield f'static const char {name}_sha256[] = "{hashlib.sha256(content).hexdigest()}";\n\n#endif\n'


def c_array(content: bytes, declaration: str) -> Iterator[str]:
    """The definition of an array of bytes, in parts, aligned to 16 bytes; `declaration` is as `const char x[]`."""
    yield f"alignas(16) {declaration} = {{\n"
    for start in range(0, len(content), _BYTES_A_LINE):
        end = start + _BYTES_A_LINE
        yield "  " + ", ".join([_BYTE[byte] for byte in content[start:end]]) + (",\n" if end < len(content) else "\n")
    yield "};\n"


def c_name(text: str) -> str:
    """The text as an identifier of C, with underscores for what C does not allow."""
    name = re.sub(r"\W", "_", text, flags=re.ASCII)
    return f"_{name}" if not name or name[0].isdigit() or name in _KEYWORDS else name
