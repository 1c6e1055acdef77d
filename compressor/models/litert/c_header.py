"""Bytes as a C header, to be built into firmware."""

from __future__ import annotations

import hashlib
import re

_A_LINE = 12


def c_header(content: bytes, name: str) -> str:
    """A header that defines `NAME` (16-byte aligned), `NAME_len` in bytes, and `NAME_sha256` in hexadecimal.

    It can be included from C11 and C++11 on, in one file.
    """
    guard = f"{name.upper()}_H"
    lines = [content[start : start + _A_LINE] for start in range(0, len(content), _A_LINE)]
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
    """A name that C takes, as near to `text` as can be."""
    name = re.sub(r"\W", "_", text, flags=re.ASCII)
    return f"_{name}" if not name or name[0].isdigit() else name
