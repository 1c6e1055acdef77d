"""Reads a run to compare: its report, and the scores and the lock beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import CompressorError
from compressor.comparing.several_seeds import mean_row
from compressor.contracts.report_rows import MetricRow, Report, StageRow
from compressor.measure.kept_scores import SCORES_FILE, KeptScores, read_scores
from compressor.report.stored_report import NAME as REPORT
from compressor.report.stored_report import read_report, report_file, seed_folders
from compressor.run.lockfile import NAME as LOCK
from compressor.run.lockfile import Lock, read_lock

_SAME = 1e-9  # shares of counted samples differ by far more, or not at all


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
        """The number of samples that it was measured on."""
        if self.report is not None:
            return self.report.samples.get("test")
        return self.scores.samples if self.scores else None


def letter(place: int) -> str:
    """Return A for the first place, B for the second, and so on; numbers after Z."""
    return chr(ord("A") + place) if place < 26 else str(place + 1)


def run_at(path: Path, place: int) -> ComparedRun:
    """Read the run in a folder, or of a `report.json`.

    Raises:
        CompressorError: there is no such run, it is not done, or one of its files is damaged.
    """
    if not path.is_dir() or (path / REPORT).exists():
        return _run_of(report_file(path), path, place)
    seeds = seed_folders(path)
    done = [folder for folder in seeds if (folder / REPORT).exists()]
    if len(done) > 1:
        return _seeds_of(done, len(seeds), path, place)
    return _run_of(done[0] / REPORT if done else report_file(path), path, place)


def _run_of(file: Path, path: Path, place: int) -> ComparedRun:
    report = read_report(file)
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


def _seeds_of(folders: Sequence[Path], begun: int, path: Path, place: int) -> ComparedRun:
    """Average the runs in these folders; `begun` is how many the folder around them has, done or not."""
    runs = [_run_of(folder / REPORT, folder, place) for folder in folders]
    reports = [run.report for run in runs if run.report is not None]
    others = next((run.name for run in runs if run.last.metrics.keys() != runs[0].last.metrics.keys()), None)
    if others is not None or len({report.recipe for report in reports}) > 1:
        raise CompressorError(f"the runs in {path} are not of one recipe", "name one of the folders in it")
    rows = {report.seed: run.last for report, run in zip(reports, runs, strict=True)}
    if len(rows) < len(runs):
        raise CompressorError(f"two of the runs in {path} have the same seed", "remove one of them")
    first, last = reports[0], mean_row(list(rows.values()))
    count = f"{len(rows)} seeds" if begun == len(rows) else f"{len(rows)} of {begun} seeds, the others are not done"
    title = f"{first.recipe} · {first.model} on {first.data} · {count}, means · after '{last.id}'"
    fingerprints, why = runs[0].fingerprints, "means are compared"
    return ComparedRun(letter(place), str(path), title, last, first, None, fingerprints, no_scores=why, seeds=rows)


def _scores(file: Path, report: Report) -> tuple[KeptScores | None, str]:
    """Read the scores beside a report, if they are its own; if not, say why there are none."""
    if not file.is_file():
        return None, f"there is no {file}"
    scores = read_scores(file)
    if scores.samples != report.samples.get("test") or not _belong(scores, report.stages[-1]):
        return None, f"{file} is not of the same run as the report"
    return scores, ""


def _belong(scores: KeptScores, last: StageRow) -> bool:
    """Whether the scores give what the report has: its share of right samples, or resampled scores in its interval."""
    return all(name in last.metrics and _fits(kept, last.metrics[name]) for name, kept in scores.metrics.items())


def _fits(kept: NDArray[Any], metric: MetricRow) -> bool:
    if kept.dtype == bool:
        return abs(float(kept.mean()) - metric.value) < _SAME
    drawn = kept[np.isfinite(kept)]
    if not len(drawn):
        return True
    middle, rounding = float(np.median(drawn)), _SAME * max(1.0, abs(metric.value))
    return metric.low - rounding <= middle <= metric.high + rounding
