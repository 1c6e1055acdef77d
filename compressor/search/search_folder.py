"""The folder of a search: used by one search at a time, with all that is needed to go on with it."""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from compressor.base.atomic_files import HALF_WRITTEN, write_whole
from compressor.base.errors import OutputError
from compressor.base.outgoing import json_text
from compressor.search.optuna_study import SearchError
from compressor.search.settings import ORIGINS

_CLAIM = ".running.lock"
_SETTINGS = "search.json"
_WORKERS = "workers"
_TRIAL = "trial"  # the files of the trials that run
FRONT = "front"


@contextmanager
def claimed_search(
    folder: Path | None, name: str, settings: dict[str, Any], resume: bool, parent: str = "searches"
) -> Iterator[Path]:
    """Claim the folder of a search, and make it unless it is to go on.

    Args:
        folder: the folder; by default, `searches/NAME/TIME-HASH`, or in another folder than `searches`.
        name: of the recipe.
        settings: all that decides which trials there are; those of a search that goes on must be the same.
        resume: whether a search in this folder is to go on.
        parent: the folder that the default is in.

    Raises:
        OutputError: it is in use, not empty, or cannot be made; or there is no search to go on with.
        SearchError: the search in it was another one.
    """
    folder = folder or _new_name(parent, name, settings)
    _refuse_used(folder)
    if resume:
        _refuse_other(folder, settings)
    elif folder.is_dir() and not all(map(_is_left_over, folder.iterdir())):
        is_search = (folder / _SETTINGS).exists()
        remedy = f"to go on with a search, write {resume_option(folder)}" if is_search else "name another"
        raise OutputError(f"the folder {folder} is not empty", remedy)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        claim = FileLock(folder / _CLAIM)
        claim.acquire(timeout=0)
    except Timeout:
        raise _used(folder) from None
    except OSError as error:
        raise OutputError(f"the folder {folder} cannot be made ({error.strerror})", "name another one") from None
    try:
        for path in folder.iterdir():
            if HALF_WRITTEN.fullmatch(path.name):
                path.unlink(missing_ok=True)
        if not resume:
            write_whole(folder / _SETTINGS, json_text(settings) + "\n")
        yield folder
    finally:
        shutil.rmtree(folder / _TRIAL, ignore_errors=True)
        (folder / _CLAIM).unlink(missing_ok=True)
        claim.release()


def places_of(folder: Path | None) -> int | None:
    """How many trials the search in a folder runs at once, so that it can go on so; None where nothing says so."""
    known = _settings_in(folder) if folder else None
    workers = known.get(_WORKERS) if known else None
    return workers if isinstance(workers, int) else None


def resume_option(folder: Path) -> str:
    """The option that goes on with the search in a folder, as a shell takes it."""
    return f"--resume {shlex.quote(str(folder))}"


def refuse_missing(folder: Path | None) -> None:
    """Refuse to go on where there is no search, before anything takes time.

    Raises:
        OutputError: a folder is given, and there is none in it.
    """
    if folder is not None and _settings_in(folder) is None:
        what = f"there is no search in {folder} to go on with"
        raise OutputError(what, "check the path, or leave out --resume")


def trial_folder(folder: Path, number: int) -> Path:
    """An empty folder for the files of a trial."""
    path = drop_trial_folder(folder, number)
    path.mkdir(parents=True)
    return path


def drop_trial_folder(folder: Path, number: int) -> Path:
    """Remove the files of a trial; returns where they were."""
    path = folder / _TRIAL / str(number)
    shutil.rmtree(path, ignore_errors=True)
    return path


def front_folder(folder: Path) -> Path:
    """An empty folder for the front, in the place of an earlier one."""
    path = folder / FRONT
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    return path


def clear_run(folder: Path, name: str) -> None:
    """Remove a run and its recipe that an earlier search in this folder ended with."""
    shutil.rmtree(folder / name, ignore_errors=True)
    (folder / f"{name}.yaml").unlink(missing_ok=True)


def _refuse_used(folder: Path) -> None:
    """Refuse a folder that another search is using, whatever else there is to say of it."""
    if (folder / _CLAIM).exists():
        try:
            FileLock(folder / _CLAIM).acquire(timeout=0).lock.release()
        except Timeout:
            raise _used(folder) from None
        except OSError:  # which claiming it tells
            pass


def _used(folder: Path) -> OutputError:
    return OutputError(f"another search is using the folder {folder}", "wait until it ends, or name another one")


def _is_left_over(path: Path) -> bool:
    """Whether a search that was killed before it began has left this."""
    return path.name == _CLAIM or bool(HALF_WRITTEN.fullmatch(path.name))


def _settings_in(folder: Path) -> dict[str, Any] | None:
    """The settings of the search in a folder; None where there is none."""
    try:
        known = json.loads((folder / _SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return known if isinstance(known, dict) else None


def _refuse_other(folder: Path, settings: dict[str, Any]) -> None:
    refuse_missing(folder)
    stored, asked = _settings_in(folder) or {}, json.loads(json_text(settings))
    other = [key for key in {**asked, **stored} if stored.get(key) != asked.get(key)]
    if other:
        made = " and ".join(_difference(key, stored.get(key), asked.get(key)) for key in other)
        what = f"the search in {folder} was made with {made}"
        raise SearchError(what, "begin a new one by leaving out --resume, or change it back")


def _difference(key: str, old: Any, new: Any) -> str:
    """How a search that goes on differs from what is asked for: `seed 0, not 1`, or `another recipe`."""
    if key in ORIGINS or not all(isinstance(value, str | int) for value in (old, new)):
        return f"another {key}"
    return f"{key} {json.dumps(old)}, not {json.dumps(new)}"


def _new_name(parent: str, name: str, settings: dict[str, Any]) -> Path:
    now = datetime.now()
    digest = hashlib.sha256(f"{json_text(settings)}{now.isoformat()}".encode()).hexdigest()
    return Path(parent) / name / f"{now:%Y-%m-%dT%H-%M-%S}-{digest[:6]}"
