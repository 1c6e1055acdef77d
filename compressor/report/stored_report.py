"""Reads the report that a run has left."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from compressor.base.errors import CompressorError
from compressor.base.file_limits import content_of
from compressor.contracts.report_rows import Report
from compressor.report.report_model import FullReport

NAME = "report.json"
_STAGES = "stages"
_SEED = re.compile(r"seed-(\d+)")


class ReportError(CompressorError):
    """A report that is not there, or cannot be read."""


def read_report(path: Path) -> Report:
    """Read the report of a run.

    Args:
        path: the folder of the run, or its `report.json`.

    Raises:
        ReportError: there is none, or it is damaged or of another version.
    """
    file = report_file(path)
    try:
        content = content_of(file)
    except OSError as error:
        raise ReportError(f"{file} cannot be read ({error.strerror})", "check its permissions") from None
    try:
        data = from_json(content)
    except ValueError as error:
        raise ReportError(f"{file} is damaged, or no JSON ({error})", "name the folder of a run") from None
    if not isinstance(data, dict) or "schema_version" not in data:
        raise ReportError(f"{file} is no report of a run", "name the folder of a run, or its report.json")
    return _validated(file, data)


def report_file(path: Path) -> Path:
    """Find the `report.json` of a run's folder; a file stands for itself.

    Raises:
        ReportError: there is none, or the folder is that of several runs or of a search.
    """
    if not path.exists():
        raise ReportError(f"there is no run or file {path}", "check the path")
    if not path.is_dir():
        return path
    if (path / NAME).exists():
        return path / NAME
    seeds = seed_folders(path)
    if done := [folder for folder in seeds if (folder / NAME).exists()]:
        raise ReportError(f"{path} holds several runs", f"name one of them, such as {done[0]}")
    if seeds or (path / _STAGES).is_dir():
        raise ReportError(f"the run in {path} is not done", "wait for it, or give its command again")
    if of_search := sorted([*path.glob(f"front/*/{NAME}"), *path.glob(f"best/{NAME}")]):
        raise ReportError(f"{path} is the folder of a search", f"name a run of it, such as {of_search[0].parent}")
    raise ReportError(f"there is no {NAME} in {path}", "name the folder of a run that is done")


def seed_folders(folder: Path) -> list[Path]:
    """List the folders of the runs within that of `apply --seeds`, done or not, by their seeds; none in any other."""
    found = {int(match[1]): path for path in folder.iterdir() if (match := _SEED.fullmatch(path.name))}
    return [found[seed] for seed in sorted(found)]


def _validated(file: Path, data: dict[str, Any]) -> Report:
    if (version := data["schema_version"]) != 1:
        what = f"{file} has schema_version {version!r}, and this version of compressor reads 1"
        raise ReportError(what, "use the version that wrote it, or a later one")
    try:
        report: Report = FullReport.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        what = f"{file} is no report that can be read: {place}: {first['msg']}"
        raise ReportError(what, "use the version of compressor that wrote it, or run the recipe again") from None
    if not report.stages or not all(stage.metrics for stage in report.stages):
        raise ReportError(f"{file} has no stages, or a stage without a metric", "run the recipe again")
    return report
