"""Finds runs and searches in a folder, and tells of each how far it is: for `compressor status`."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from compressor.base.process_identity import is_alive
from compressor.run.run_folder import CLAIM
from compressor.run.status_file import STATUS

State: TypeAlias = Literal["running", "finished", "failed", "interrupted", "dead"]
_REPORT, _SEARCH = "report.json", "search.json"
_LAST_OF_SEARCH: Final = ("front/front.json", "best/report.json")  # of `search` and of `compress`
_PARENTS: Final = ("runs", "searches", "compressed")
_DEPTH = 4  # folders between the one that is named and a run
_SEED = re.compile(r"seed-\d+")
_DEAD = "its process was killed, or the machine went down"
_OF_RUN = "the same command goes on from there"


class StatusRow(BaseModel):
    """A run or a search."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="null")

    kind: Literal["run", "search"]
    name: str = Field(description="of the recipe; of its folder where that is not known")
    folder: str
    state: State = Field(description="`dead` where its process was killed before it could say how it ended")
    step: str | None = Field(None, description="the step, or the trial, that it is at, or that it ended with")
    step_number: int | None = Field(None, description="of that step, from 1; of a search, the trials that are over")
    steps: int | None = Field(None, description="how many there are, the baseline included; null where time decides")
    started: str | None = Field(None, description="in ISO 8601 with the zone")
    updated: str | None = Field(None, description="when it was last heard of")
    seconds_left: float | None = Field(None, description="that trainings, or trials, ahead may take")
    bytes: int | None = Field(None, description="size of the last file that was measured")
    metric: float | None = Field(None, description="its first metric")
    metric_name: str | None = None
    metric_is_share: bool = False
    host: str | None = Field(None, description="the machine that it ran on")
    pid: int | None = None
    message: str = Field("", description="why it failed, or what to do where it is dead or was interrupted")
    resume: str | None = Field(None, description="of a search that may go on, the command that does so")
    working_folder: str | None = Field(None, description="where that command was given, and is to be given")


class StatusList(BaseModel):
    """The runs and searches that were found in a folder, the latest first."""

    model_config = ConfigDict(frozen=True)

    schema_version: Literal[1] = 1
    folder: str
    entries: list[StatusRow]


def status_schema() -> dict[str, Any]:
    """The JSON Schema of what `compressor status --json` prints.

    `schema_version` rises when a field goes or means something else; fields may be added within a version.
    """
    schema = StatusList.model_json_schema(mode="serialization")
    title = "runs and searches, compressor status 1"
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": title}


def found_runs(folder: Path) -> StatusList:
    """All runs and searches in a folder, or in `runs` and `searches` in it; those that run first, then the latest."""
    parents = [folder / name for name in _PARENTS if (folder / name).is_dir()] or [folder]
    rows = [row for parent in parents for row in _found(parent, _DEPTH)]
    rows.sort(key=lambda row: (row.started or "", row.folder), reverse=True)
    rows.sort(key=lambda row: row.state != "running")
    return StatusList(folder=str(folder), entries=rows)


def _found(folder: Path, depth: int) -> Iterator[StatusRow]:
    try:
        children = sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
        names = {path.name for path in folder.iterdir()}
    except OSError:
        return
    if _SEARCH in names:
        yield _row_of(folder, "search")
    elif _is_run(folder, names):
        yield _row_of(folder, "run")
    elif depth:
        for child in children:
            yield from _found(child, depth - 1)


def _is_run(folder: Path, names: Collection[str]) -> bool:
    """Whether a folder is that of a run, by its files: those of other programs may have the same names."""
    if STATUS in names and _read(folder / STATUS).get("kind") == "run":
        return True
    if _REPORT in names and {"recipe", "stages"} <= _read(folder / _REPORT).keys():
        return True
    return "stages" in names and bool({CLAIM, "run.log"} & set(names))


def _row_of(folder: Path, kind: Literal["run", "search"]) -> StatusRow:
    status = _read(folder / STATUS)
    known = {**_known_of(folder, kind, complete=bool(status)), **status}
    state, message = _state_of(folder, kind, known)
    facts = {**known, "kind": kind, "folder": str(folder), "state": state, "message": message}
    if state != "running":
        facts["seconds_left"] = None
    if state in ("running", "finished"):
        facts["resume"] = facts["working_folder"] = None
    elif kind == "search" and state != "failed":
        facts["message"] = "; ".join(filter(None, (message, _how_to_go_on(folder, known))))
    try:
        return StatusRow.model_validate({"name": _name_of(folder), **facts})
    except ValidationError:  # a status of a later version, or a damaged one
        return StatusRow(kind=kind, name=_name_of(folder), folder=str(folder), state=state, message=message)


def _how_to_go_on(folder: Path, known: Mapping[str, Any]) -> str:
    """How to go on with a search, in words."""
    if not isinstance(resume := known.get("resume"), str):
        return f"to go on, give the same command with --resume {shlex.quote(str(folder))}"
    place = known.get("working_folder")
    where = f"in {place}, " if isinstance(place, str) and Path(place) != Path.cwd() else ""
    return f"to go on, {where}run: {resume}"


def _state_of(folder: Path, kind: str, known: Mapping[str, Any]) -> tuple[State, str]:
    """The state of a run, and what there is to say of it; what its folder holds counts more than what it said."""
    told = known.get("state")
    is_done = _is_done(folder, kind, known.get("started"))
    if told == "running" or (told is None and (folder / CLAIM).exists()):
        alive = is_alive(known.get("host"), known.get("pid"), known.get("process_started"))
        if _is_held(folder / CLAIM) if alive is None else alive:
            return "running", ""
        if not is_done:
            return "dead", _DEAD if kind == "search" else f"{_DEAD}; {_OF_RUN}"
        return "finished", ""
    if is_done and told is None:
        return "finished", ""
    if told in ("finished", "failed", "interrupted"):
        return told, str(known.get("message") or "")
    return "interrupted", ""


def _is_done(folder: Path, kind: str, started: object) -> bool:
    """Whether the results are there that come last; of a search that went on, those that it has made since."""
    if kind == "run":
        return (folder / _REPORT).exists()
    began = 0.0
    with suppress(ValueError):
        began = datetime.fromisoformat(started).timestamp() if isinstance(started, str) else 0.0
    for last in _LAST_OF_SEARCH:
        with suppress(OSError):
            if (folder / last).stat().st_mtime >= began:
                return True
    return False


def _is_held(lock: Path) -> bool:
    """Whether a process holds the lock of a folder; asked only where nothing else tells."""
    if not lock.exists():
        return False
    try:
        with FileLock(lock).acquire(timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        return False


def _known_of(folder: Path, kind: str, complete: bool) -> dict[str, Any]:
    """Read the state of a run from its other files, for folders of earlier versions, which have no status."""
    if complete:
        return {}
    if kind == "search":
        recipe = _read(folder / _SEARCH).get("recipe")
        return {"name": recipe["name"]} if isinstance(recipe, dict) and isinstance(recipe.get("name"), str) else {}
    report = _read(folder / _REPORT)
    with suppress(KeyError, TypeError, IndexError, AttributeError, StopIteration):
        last = report["stages"][-1]
        name, metric = next(iter(last["metrics"].items()))
        count = len(report["stages"])
        return {
            "name": report["recipe"], "started": report["created"], "step": last["id"], "step_number": count,
            "steps": count, "bytes": last["bytes"], "metric": metric["value"], "metric_name": name,
            "metric_is_share": metric["share"],
        }  # fmt: skip
    return {}


def _name_of(folder: Path) -> str:
    """The name of a run whose recipe is not known: runs are in a folder that is called after it."""
    parent = folder.parent.parent if _SEED.fullmatch(folder.name) else folder.parent
    return parent.name or folder.name


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
