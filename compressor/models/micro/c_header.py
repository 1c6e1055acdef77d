"""Writes bytes as C, to be built into firmware."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

_BYTES_A_LINE = 12
_BYTE = [f"0x{byte:02x}" for byte in range(256)]
_KEYWORDS = """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t class co_await
    co_return co_yield compl concept const const_cast consteval constexpr constinit continue decltype default delete do
    double dynamic_cast else enum explicit export extern false float for friend goto if inline int long mutable
    namespace new noexcept not not_eq nullptr operator or or_eq private protected public register reinterpret_cast
    requires restrict return short signed sizeof static static_assert static_cast struct switch template this
    thread_local throw true try typedef typeid typename typeof union unsigned using virtual void volatile wchar_t while
    xor xor_eq
"""  # of C11 and C++20
_AROUND_A_MODEL = "loop main setup std tflite tfpack"  # what the code that runs it has these names for
_TAKEN = frozenset(f"{_KEYWORDS} {_AROUND_A_MODEL}".split())
ALIGNAS = "#ifndef __cplusplus\n#include <stdalign.h>\n#endif\n"
"""What a C file needs before it uses `alignas`; C++ has the word."""


def c_header(content: bytes, name: str) -> Iterator[str]:
    """Write a header, in parts, of `NAME` (16-byte aligned), `NAME_len` in bytes, and `NAME_sha256` in hexadecimal.

    It is for C11 and C++11 or later, and is to be included in one source file only.
    """
    guard = f"{name.upper()}_H"
    yield f"#ifndef {guard}\n#define {guard}\n\n{ALIGNAS}\n"
    yield from c_array(content, f"static const unsigned char {name}[]")
    yield f"static const unsigned int {name}_len = {len(content)};\n"
    yield f'static const char {name}_sha256[] = "{hashlib.sha256(content).hexdigest()}";\n\n#endif\n'


def c_array(content: bytes, declaration: str) -> Iterator[str]:
    """Define an array of bytes, in parts, aligned to 16 bytes; a `declaration` is `const char x[]` or the like."""
    yield f"alignas(16) {declaration} = {{\n"
    for start in range(0, len(content), _BYTES_A_LINE):
        end = start + _BYTES_A_LINE
        yield "  " + ", ".join([_BYTE[byte] for byte in content[start:end]]) + (",\n" if end < len(content) else "\n")
    yield "};\n"


def c_name(text: str) -> str:
    """Make an identifier of C and C++ of a text, with underscores for what these do not allow."""
    name = re.sub(r"\W", "_", text, flags=re.ASCII)
    return f"_{name}" if not name or name[0].isdigit() or name in _TAKEN else name
