"""A run as it is compared: its report, and what stands beside that in its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from compressor.base.errors import CompressorError
from compressor.base.file_limits import content_of
from compressor.comparing.several_seeds import mean_row, seed_folders
from compressor.contracts.report_rows import Report, StageRow
from compressor.measure.kept_scores import SCORES_FILE, KeptScores, read_scores
from compressor.run.lockfile import NAME as LOCK
from compressor.run.lockfile import Lock, read_lock

REPORT = "report.json"


@dataclass(frozen=True)
class ComparedRun:
    """A run, a report or a measured file.

    Attributes:
        letter: what tables call it: A for the first.
        name: what the user named.
        title: what it is, in a line.
        last: the row of the stage that is compared.
        report: of the run; None for a bare file that was measured.
        lock: of the run, which says what it was made from; None where there is none beside the report.
        fingerprints: SHA-256 of the splits of the data, by their names, as far as they are known.
        scores: those of each test sample; None where they were not kept.
        no_scores: why there are none.
        seeds: the rows of that stage by their seeds, where the recipe was run with several; `last` then has means.
    """

    letter: str
    name: str
    title: str
    last: StageRow
    report: Report | None = None
    lock: Lock | None = None
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    scores: KeptScores | None = None
    no_scores: str = ""
    seeds: Mapping[int, StageRow] = field(default_factory=dict)

    @property
    def test_samples(self) -> int | None:
        """How many samples it was measured on."""
        if self.report is not None:
            return self.report.samples.get("test")
        return self.scores.samples if self.scores else None


def letter(place: int) -> str:
    """A for the first, B for the second, and so on; numbers after Z."""
    return chr(ord("A") + place) if place < 26 else str(place + 1)


def run_at(path: Path, place: int) -> ComparedRun:
    """The run of a folder, or of a report in a file.

    Raises:
        CompressorError: there is no such run, it is not done, or one of its files is damaged.
    """
    if path.is_dir() and not (path / REPORT).is_file() and len(folders := seed_folders(path, REPORT)) > 1:
        return _seeds_at(path, folders, place)
    file = _report_file(path)
    report = _report(file)
    scores, no_scores = _scores(file.parent / SCORES_FILE, report)
    beside = file.parent / LOCK
    lock = read_lock(beside) if file.name == REPORT and beside.is_file() else None
    fingerprints = dict(lock.fingerprints) if lock else {}
    if scores is not None and fingerprints.get("test", scores.test) != scores.test:
        scores, no_scores = None, f"{file.parent / SCORES_FILE} is of another run"
    if scores is not None:
        fingerprints["test"] = scores.test
    last = report.stages[-1]
    title = f"{report.recipe} · {report.model} on {report.data} · seed {report.seed} · after '{last.id}'"
    return ComparedRun(letter(place), str(path), title, last, report, lock, fingerprints, scores, no_scores)


def _seeds_at(path: Path, folders: Sequence[Path], place: int) -> ComparedRun:
    runs = [run_at(folder, place) for folder in folders]
    reports = [run.report for run in runs if run.report is not None]
    rows = {report.seed: run.last for report, run in zip(reports, runs, strict=True)}
    others = next((run.name for run in runs if run.last.metrics.keys() != runs[0].last.metrics.keys()), None)
    if others is not None or len({report.recipe for report in reports}) > 1:
        raise CompressorError(f"the runs in {path} are not of one recipe", "name one of the folders in it")
    first, last = reports[0], mean_row(list(rows.values()))
    title = f"{first.recipe} · {first.model} on {first.data} · {len(rows)} seeds, means · after '{last.id}'"
    fingerprints, why = runs[0].fingerprints, "means are compared"
    return ComparedRun(letter(place), str(path), title, last, first, None, fingerprints, no_scores=why, seeds=rows)


def _report_file(path: Path) -> Path:
    if not path.is_dir():
        if not path.exists():
            raise CompressorError(f"there is no run, report or model {path}", "check the path")
        return path
    if (path / REPORT).is_file():
        return path / REPORT
    if folders := seed_folders(path, REPORT):
        return folders[0] / REPORT
    if (path / "stages").is_dir():
        raise CompressorError(f"the run in {path} is not done", "wait for it, or give its command again")
    raise CompressorError(f"{path} is not the folder of a finished run", "name one that 'compressor apply' made")


def _report(file: Path) -> Report:
    try:
        report = Report.model_validate_json(content_of(file))
    except OSError as error:
        raise CompressorError(f"{file} cannot be read ({error.strerror})", "check the file") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        why = f"{place}: {first['msg']}" if place else first["msg"]
        remedy = "name a run's folder, its report.json, or a model file"
        raise CompressorError(f"{file} is not the report of a run ({why})", remedy) from None
    if not report.stages:
        raise CompressorError(f"the report {file} has no stages", "name the report of a finished run")
    return report


def _scores(file: Path, report: Report) -> tuple[KeptScores | None, str]:
    """The scores beside a report, if they are its own; else why there are none."""
    if not file.is_file():
        return None, f"there is no {file}"
    scores = read_scores(file)
    if scores.samples != report.samples.get("test") or not _belong(scores, report.stages[-1]):
        return None, f"{file} is not of the same run as the report"
    return scores, ""


def _belong(scores: KeptScores, last: StageRow) -> bool:
    """Whether the shares of right samples are those of the report."""
    return all(
        name in last.metrics and (kept.dtype != bool or abs(kept.mean() - last.metrics[name].value) < 1e-9)
        for name, kept in scores.metrics.items()
    )
