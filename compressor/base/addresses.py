"""Tells addresses of storage, such as `s3://bucket/runs`, from paths on this machine."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

_ADDRESS = re.compile(r"(?:[a-zA-Z][\w+.-]+::)*[a-zA-Z][\w+.-]+://")  # a drive of Windows has one letter
_FILE = re.compile(r"(?:file|local)://", re.IGNORECASE)


def as_place(text: str | Path) -> str | Path:
    """Turn a path, also one written as `file://`, into a `Path`, and leave any other address a text."""
    if isinstance(text, Path):
        return text
    if _FILE.match(text):
        return Path(unquote(text.partition("://")[2].removeprefix("localhost")))
    return text if _ADDRESS.match(text) else Path(text)


def shown(address: str) -> str:
    """The address without a user's name, a password and whatever follows the path, which may be secret."""
    scheme, _, rest = address.partition("://")
    rest = re.split(r"[?#]", rest, maxsplit=1)[0]
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}".rstrip("/")


def fault_of(address: str) -> str | None:
    """Why an address cannot be used, in words that do not quote it; None if it can."""
    if "::" in address:
        return "chained addresses ('::') are not taken; give that of the storage itself"
    try:
        parts = urlsplit(address)
    except ValueError:
        return "it is no address; write it as in s3://bucket/folder"
    if parts.password is not None or ":" in parts.netloc.rpartition("@")[0]:
        return (
            "it holds a password, which logs and lists of processes would show; leave it out, and set it up for fsspec"
        )
    if parts.query or parts.fragment:
        return "leave out what follows '?' or '#'"
    if not (address.isprintable() and (parts.netloc or parts.path.strip("/"))):
        return "it names no folder; write it as in s3://bucket/folder"
    return None
