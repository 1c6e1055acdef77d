"""Model files from elsewhere, looked through before any reader sees them that could run code, swell or crash."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from compressor.errors import ModelError

MAX_UNPACKED = 8 * 10**9
_MAX_RATIO, _RATIO_FROM = 200, 10**8
_PROBE_SECONDS = 120


def refuse_harmful_keras(path: Path, trusted: bool) -> None:
    """Look through a Keras file without loading it.

    Args:
        path: a `.keras` or `.h5` file, or a SavedModel's folder.
        trusted: the user vouches for it, so code in it may run.

    Raises:
        ModelError: it would unpack to something huge or outside its folder, or it carries code.
    """
    if path.is_dir():
        return
    config: Any = None
    if zipfile.is_zipfile(path):
        config = _zipped_config(path)
    elif path.suffix in (".h5", ".hdf5", ".keras"):
        config = _hdf5_config(path)
    code = sorted(set(_code_in(config)))
    if code and not trusted:
        what = f"{path} carries code of its own, which would run when it is loaded ({', '.join(code)})"
        raise ModelError(what, "pass --trust-model if you know where it comes from")


def refuse_harmful_litert(path: Path) -> None:
    """Read and run a `.tflite` file in a process of its own, so that a damaged one cannot take this one down.

    Raises:
        ModelError: it is damaged, or cannot be run.
    """
    command = [sys.executable, "-m", "compressor.probe", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=_PROBE_SECONDS)
    except subprocess.TimeoutExpired:
        raise ModelError(f"{path} was not read within {_PROBE_SECONDS} s", "make it again; it is damaged") from None
    if done.returncode == 0:
        return
    lines = done.stdout.strip().splitlines()
    if done.returncode == 1 and lines:
        raise ModelError(f"{path}: {lines[-1]}", "give a whole .tflite file")
    raise ModelError(f"{path} makes LiteRT crash (exit code {done.returncode})", "make it again; it is damaged")


def _zipped_config(path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            _refuse_bombs(path, archive.infolist())
            return json.loads(archive.read("config.json"))
    except (
        zipfile.BadZipFile,
        KeyError,
        ValueError,
        RecursionError,
        NotImplementedError,
        RuntimeError,
        OSError,
    ) as error:
        raise ModelError(f"{path} is not a whole .keras file ({error})", "save it again") from None


def _refuse_bombs(path: Path, entries: list[zipfile.ZipInfo]) -> None:
    for entry in entries:
        name = PurePosixPath(entry.filename.replace("\\", "/"))
        if name.is_absolute() or ".." in name.parts or ":" in entry.filename:
            raise ModelError(f"{path} would write outside its folder ('{entry.filename}')", "do not load it")
    unpacked = sum(entry.file_size for entry in entries)
    packed = max(1, path.stat().st_size)
    if unpacked > MAX_UNPACKED or (unpacked > _RATIO_FROM and unpacked / packed > _MAX_RATIO):
        what = f"{path} would unpack from {packed:,} to {unpacked:,} bytes"
        raise ModelError(what, "do not load it; no model is packed like that")


def _hdf5_config(path: Path) -> Any:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            text = file.attrs.get("model_config")
            return json.loads(text) if text is not None else None
    except (OSError, ValueError, RecursionError, RuntimeError, KeyError) as error:
        reason = " ".join(str(error).split())[:120]
        raise ModelError(f"{path} is not a whole HDF5 file ({reason})", "save it again") from None


def _code_in(config: Any) -> Iterator[str]:
    """Names of layers that hold marshalled functions, at any depth."""
    waiting = [config]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            kind = found.get("class_name")
            if kind in ("Lambda", "__lambda__"):
                inner = found.get("config")
                name = inner.get("name") if isinstance(inner, dict) else None
                yield f"the layer '{name}'" if name else "a lambda"
            waiting.extend(found.values())
        elif isinstance(found, list):
            waiting.extend(found)
