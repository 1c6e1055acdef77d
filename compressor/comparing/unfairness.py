"""Warns of what makes the comparison of two runs unfair: other data, other seeds, other versions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from compressor.base.text import listing
from compressor.comparing.compared_run import ComparedRun
from compressor.contracts.report_rows import Report

_MOST = 6  # versions and variables named


def unfair(first: ComparedRun, other: ComparedRun) -> list[str]:
    """List what differs between two runs besides what they are compared by, each as a sentence."""
    if first.report is None or other.report is None:
        return []
    return [
        *_samples(first, other),
        *_metrics(first, other),
        *_seeds(first, other),
        *_making(first.report, other.report),
    ]


def smoke(run: ComparedRun) -> list[str]:
    """Warn of a smoke run, whose figures mean nothing."""
    short = run.report is not None and run.report.smoke
    return [f"{run.letter} is a smoke run: a few samples and steps, so its figures mean nothing"] if short else []


def _samples(first: ComparedRun, other: ComparedRun) -> Iterator[str]:
    assert first.report is not None and other.report is not None
    a, b, both = first.report, other.report, f"{first.letter} and {other.letter}"
    if a.data != b.data:
        yield f"other data: {first.letter} has {a.data}, {other.letter} has {b.data}"
    parts = ["test", "train", "validation"]
    others = [part for part in parts if a.samples.get(part) != b.samples.get(part)]
    for part in others:
        yield f"other {part} samples: {first.letter} has {_count(a, part)}, {other.letter} has {_count(b, part)}"
    if first.seeds or other.seeds:  # each seed draws its own
        parts = ["test"]
    swapped = [part for part in parts if part not in others and _same(first, other, part) is False]
    if swapped:
        yield f"other {' and '.join(swapped)} samples: {both} have as many, and not the same ones"
    if "test" not in others and not (first.seeds or other.seeds) and _same(first, other, "test") is None:
        yield f"whether {both} have the same test samples is not known: " + (first.no_scores or other.no_scores)
    if _prepared(a) != _prepared(b):
        yield f"{both} take samples that were prepared otherwise"


def _metrics(first: ComparedRun, other: ComparedRun) -> Iterator[str]:
    before, after = first.last.metrics, other.last.metrics
    if missing := [name for name in before if name not in after]:
        yield f"{other.letter} was not measured by {listing(missing)}"
    if added := [name for name in after if name not in before]:
        yield f"{first.letter} was not measured by {listing(added)}"
    for name in [name for name in before if name in after]:
        a, b = before[name], after[name]
        if (a.share, a.higher_is_better) != (b.share, b.higher_is_better):
            both = f"{first.letter} and {other.letter}"
            yield f"{name} is another metric in each of {both}: a share, or better when higher, in only one of them"


def _prepared(report: Report) -> list[dict[str, object]]:
    """Return how inputs are prepared, without the range of values, which is that of the samples."""
    return [expected.model_dump(exclude={"low", "high"}) for expected in report.expects]


def _same(first: ComparedRun, other: ComparedRun, part: str) -> bool | None:
    """Tell whether a split holds the same samples; None where that is not known of both."""
    if part not in first.fingerprints or part not in other.fingerprints:
        return None
    return first.fingerprints[part] == other.fingerprints[part]


def _seeds(first: ComparedRun, other: ComparedRun) -> Iterator[str]:
    """Warn that two single runs have other seeds, so that chance in training is part of their difference."""
    assert first.report is not None and other.report is not None
    seeds = first.report.seed, other.report.seed
    if seeds[0] != seeds[1] and not (first.seeds or other.seeds):
        both = f"{first.letter} and {other.letter}"
        yield (
            f"other seed: {seeds[0]} and {seeds[1]}, so chance in training is part of the difference between {both}; "
            "runs with --seeds 5 tell how much"
        )


def _making(a: Report, b: Report) -> Iterator[str]:
    if different := _differences(a.versions, b.versions):
        yield f"other versions: {different}"
    if a.threads is not None and b.threads is not None and a.threads != b.threads:
        yield f"other threads: {a.threads} and {b.threads}"
    if different := _differences(a.environment, b.environment):
        yield f"computed otherwise: {different}"
    if a.machine != b.machine:
        yield f"other machines: {a.machine} and {b.machine}, whose latencies cannot be compared"


def _differences(a: Mapping[str, str], b: Mapping[str, str]) -> str:
    names = [name for name in sorted(a.keys() | b.keys()) if a.get(name) != b.get(name)]
    return listing([f"{name} {a.get(name, 'none')} and {b.get(name, 'none')}" for name in names], _MOST)


def _count(report: Report, part: str) -> str:
    return f"{report.samples[part]:,}" if part in report.samples else "none"
