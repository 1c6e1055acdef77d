"""Inspects model files from elsewhere before a loader sees them that could run code, fill the memory or crash."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from compressor.base.errors import ModelError
from compressor.base.file_limits import (
    MEMORY_VARIABLE,
    SECONDS_VARIABLE,
    chosen_seconds,
    probe_memory,
    refuse_special,
    swells,
    unless_raised,
)
from compressor.base.sizes import format_size
from compressor.models.files.custom_objects import importable_names, names_in_files
from compressor.models.files.unknown_names import unknown_name
from compressor.models.keras3.detect import is_keras3
from compressor.models.library_errors import FILE_ERRORS

_PROBE_SECONDS = 120
_OUT_OF_TIME = (-getattr(signal, "SIGXCPU", 24),)  # by the limit that the child sets itself


def refuse_harmful_keras(
    path: Path, trusted: bool, custom_objects: Sequence[str] = (), objects: Mapping[str, Any] | None = None
) -> None:
    """Refuse a Keras file that could do harm, without loading it.

    Args:
        path: a `.keras` or `.h5` file, or a SavedModel's folder.
        trusted: the user vouches for the file, so code in it may run.
        custom_objects: modules, or `module:Name`, that the user vouches for; of the latter, for that name alone.
        objects: what `known_objects` makes of these, and what the strategies of the plan bring.

    Raises:
        CompressorError: it is no regular file, or a folder with one that is none.
        ModelError: the file is damaged, would unpack to something huge or outside its folder, carries code, or names
            what is neither Keras's own nor known.
    """
    refuse_special(path)
    if path.is_dir():
        if not any(path.glob("saved_model.pb*")):
            raise ModelError(
                f"{path} is a folder, and holds no SavedModel", "name a model file, or a SavedModel's folder"
            )
        for file in path.rglob("*"):
            refuse_special(file)
        code = ["a SavedModel is a program"]
    else:
        _refuse_bombs(path)
        known, vouched = names_in_files(objects or {}, custom_objects), importable_names(custom_objects)
        found = json.loads(_probed("trusted" if trusted else "keras", path, "save it again", known))
        code = [name for name in found["code"] if name.strip("'") not in vouched]
        unknown = found["unknown"] + ([] if is_keras3(path) else found["unknown_layers"])  # or the bridge says more
        if unknown and not code and not trusted:
            raise unknown_name(path, unknown[0], known if custom_objects else None)
    if code and not trusted:
        what = f"{path} carries code of its own, which would run when it is loaded ({', '.join(code)})"
        own = not path.is_dir() and all(name.startswith("'") for name in code)
        remedy = "name the module of your own classes under 'model.custom_objects', or " if own else ""
        raise ModelError(what, f"{remedy}pass --trust-model if you know where it comes from")


def refuse_harmful_litert(path: Path) -> None:
    """Refuse a `.tflite` file that cannot be read and run; a child process tries it, which a damaged file may crash.

    Raises:
        ModelError: the file is damaged, or cannot be run.
    """
    refuse_special(path)
    _probed("litert", path, "give a whole .tflite file")


def _probed(kind: Literal["keras", "trusted", "litert"], path: Path, remedy: str, known: Collection[str] = ()) -> str:
    """Inspect a file in a child process, and return the last line that it prints."""
    command = [sys.executable, "-P", "-m", "compressor.models.files.file_probe", kind, str(path), *known]
    seconds = chosen_seconds(_PROBE_SECONDS)
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # each thread would take of the memory that it has
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=seconds, env=environment
        )
    except subprocess.TimeoutExpired:
        raise _too_slow(path, seconds) from None
    line = (done.stdout.strip().splitlines() or [""])[-1]
    if done.returncode == 0:
        return line
    if done.returncode == 1 and line:
        what, better = json.loads(line)
        raise ModelError(f"{path}: {what}", better or remedy)
    if done.returncode in _OUT_OF_TIME:
        raise _too_slow(path, seconds)
    reader, memory = "LiteRT" if kind == "litert" else "HDF5", format_size(probe_memory(path.stat().st_size))
    what = f"{path} makes {reader} crash in {memory} of memory (exit code {done.returncode})"
    raise ModelError(what, f"make it again; if it is whole and needs more, set {MEMORY_VARIABLE}")


def _too_slow(path: Path, seconds: int) -> ModelError:
    remedy = f"make it again; if it is whole and takes longer, set {SECONDS_VARIABLE}"
    return ModelError(f"{path} was not read within {seconds} s", remedy)


def _refuse_bombs(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except FILE_ERRORS:
        return  # no archive, or a damaged one, as the child process will find
    names = Counter(entry.filename for entry in entries)
    for entry in entries:
        if names[entry.filename] > 1:
            raise ModelError(f"{path} holds '{entry.filename}' {names[entry.filename]} times", "save it again")
        name = PurePosixPath(entry.filename.replace("\\", "/"))
        if name.is_absolute() or ".." in name.parts or ":" in entry.filename:
            raise ModelError(f"{path} would write outside its folder ('{entry.filename}')", "do not load it")
    unpacked, packed = sum(entry.file_size for entry in entries), path.stat().st_size
    if swells(unpacked, packed):
        what = f"{path} would unpack from {packed:,} to {unpacked:,} bytes"
        raise ModelError(what, unless_raised("do not load it", unpacked))
