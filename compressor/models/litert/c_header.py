"""Writes bytes as a C header, to be built into firmware."""

from __future__ import annotations

import hashlib
import re

_BYTES_A_LINE = 12


def c_header(content: bytes, name: str) -> str:
    """A header that defines `NAME` (16-byte aligned), `NAME_len` in bytes, and `NAME_sha256` in hexadecimal.

    It is for C11 and C++11 or later, and is to be included in one source file only.
    """
    guard = f"{name.upper()}_H"
    lines = [content[start : start + _BYTES_A_LINE] for start in range(0, len(content), _BYTES_A_LINE)]
    body = ",\n".join("  " + ", ".join(f"0x{byte:02x}" for byte in line) for line in lines)
    return (
        f"#ifndef {guard}\n#define {guard}\n\n"
        f"#ifndef __cplusplus\n#include <stdalign.h>\n#endif\n\n"
        f"alignas(16) static const unsigned char {name}[] = {{\n{body}\n}};\n"
        f"static const unsigned int {name}_len = {len(content)};\n"
        f'static const char {name}_sha256[] = "{hashlib.sha256(content).hexdigest()}";\n\n'
        f"#endif\n"
    )


def c_name(text: str) -> str:
    """The text as an identifier of C, with underscores for what C does not allow."""
    name = re.sub(r"\W", "_", text, flags=re.ASCII)
    return f"_{name}" if not name or name[0].isdigit() else name
