"""Checks of metrics."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from compressor.base.errors import CompressorError, DataError
from compressor.base.process_state import process_state_kept
from compressor.testing.check_record import NotRun, check
from compressor.testing.subject import UNDER_TEST, Subject

if TYPE_CHECKING:
    from compressor.contracts.configured_metric import ConfiguredMetric
    from compressor.contracts.metric import Batch
    from compressor.testing.metric_specimens import Specimen

_TOLERANCE = 1e-6


@dataclass(frozen=True)
class _Judged:
    """What a metric gave for a specimen: its rows and their score, or why it gave none."""

    title: str
    specimen: Specimen
    rows: Any = None
    score: float = math.nan
    refused: str = ""
    fault: str = ""


@check(
    "metric",
    reason="a metric that takes none of them can hardly be used",
    remedy="say in 'takes' which outputs and labels it takes, and compare the shapes in 'per_sample' with those",
)
def takes_some_outputs(subject: Subject) -> Iterable[str]:
    """The metric judges outputs and labels of at least one common shape."""
    found = _judged(subject)
    if all(one.refused for one in found):
        yield f"it refuses all of {', '.join(one.title for one in found)}; the first with: {found[0].refused}"


@check(
    "metric",
    reason="the text of a ValueError is shown to the user, with the shapes; any other error is a fault of the plugin",
    remedy="raise ValueError with what the metric takes",
)
def refuses_by_value_error(subject: Subject) -> Iterable[str]:
    """Outputs and labels that the metric cannot judge are refused by a ValueError."""
    yield from (f"{one.title}: {one.fault}" for one in _judged(subject) if one.fault)


@check(
    "metric",
    reason="data is judged batch by batch, and the size of a batch must not matter",
    remedy="compute the row of a sample from this sample alone, and what needs all of them in 'combine'",
)
def judges_each_sample_alone(subject: Subject) -> Iterable[str]:
    """The row of a sample does not depend on the other samples of the batch."""
    import numpy as np

    for one in _accepted(subject):
        batch, middle = one.specimen.good, len(one.specimen.good.labels) // 2
        try:
            parts = [_rows(subject, _part(batch, part)) for part in (slice(middle), slice(middle, None))]
        except CompressorError as error:
            yield f"{one.title}: it fails on half of the samples: {error}"
            continue
        if any(part.shape[1:] != one.rows.shape[1:] for part in parts) or not np.allclose(
            np.concatenate(parts), one.rows, _TOLERANCE, _TOLERANCE, equal_nan=True
        ):
            yield f"{one.title}: the rows of half of the samples differ from those of all"


@check(
    "metric",
    reason="the samples belong to the data set, and other metrics get the same ones",
    remedy="work on copies",
)
def leaves_its_batch_alone(subject: Subject) -> Iterable[str]:
    """The metric does not change the inputs that it gets."""
    from compressor.measure.score_rows import per_sample

    for one in _accepted(subject):
        inputs: Any = one.specimen.good.inputs
        inputs = inputs.copy()
        before = inputs.tobytes()
        per_sample(_configured(subject), replace(one.specimen.good, inputs=inputs))
        if inputs.tobytes() != before:
            yield f"{one.title}: the inputs have changed"


@check(
    "metric",
    reason="intervals and the significance of a change are computed by drawing samples again, many sets at once",
    remedy="have 'score' and 'combine' keep the leading axis of sets, and count a sample as often as its weight says",
)
def scores_many_sets_alike(subject: Subject) -> Iterable[str]:
    """Of many sets of samples at once, each gets the score that it has alone."""
    import numpy as np

    draw, configured = np.random.default_rng(1), _configured(subject)
    for one in _accepted(subject):
        count = len(one.rows)
        weights = np.stack([np.ones(count), np.full(count, 2.0), draw.integers(1, 4, count).astype(float)])
        try:
            with configured.running():
                found = np.asarray(configured.metric.combine(one.rows, weights))
            if found.shape != (3,):
                yield f"{one.title}: the scores of 3 sets have the shape {found.shape}"
                continue
            alone = [_score(subject, np.repeat(one.rows, line.astype(int), axis=0)) for line in weights]
        except CompressorError as error:
            yield f"{one.title}: {error}"
            continue
        if not np.allclose(found, alone, 1e-4, _TOLERANCE, equal_nan=True):
            yield f"{one.title}: the scores are {found.tolist()}, and alone {alone}"


@check(
    "metric",
    reason="a score that is not finite cannot be compared with any other, and ends the run",
    remedy="guard divisions and logarithms; leave out of a mean what is undefined",
)
def scores_are_finite(subject: Subject) -> Iterable[str]:
    """Scores are finite, and between 0 and 1 if the metric is a share."""
    for one in _accepted(subject):
        if not math.isfinite(one.score):
            yield f"{one.title}: the score is {one.score:g}"
        elif subject.instance.share and not 0 <= one.score <= 1:
            yield f"{one.title}: it is a share, and the score is {one.score:g}"


@check(
    "metric",
    reason="limits such as 'max_drop', and every search for a better model, go by it",
    remedy="set 'higher_is_better'",
)
def better_outputs_score_better(subject: Subject) -> Iterable[str]:
    """Outputs near the labels score better than noisy ones, in the direction of `higher_is_better`."""
    sign = 1 if subject.instance.higher_is_better else -1
    wrong, compared = [], 0
    for one in _accepted(subject):
        try:
            poor = _score(subject, _rows(subject, one.specimen.poor))
        except CompressorError:
            continue
        if one.score != poor and math.isfinite(one.score) and math.isfinite(poor):
            compared += 1
            if sign * (one.score - poor) < 0:
                wrong.append(f"{one.title}: good outputs score {one.score:.3g}, poor ones {poor:.3g}")
    if compared and len(wrong) * 2 > compared:  # others may mean nothing to this metric
        yield from wrong


@check(
    "metric",
    reason="scores are kept in the cache, and compared between runs",
    remedy="draw no random numbers, keep nothing between calls, and set nothing for the whole process",
)
def same_score_each_time(subject: Subject) -> Iterable[str]:
    """The same outputs get the same rows each time, and the process is left as it was."""
    import numpy as np

    changed: list[str] = []
    for one in _accepted(subject):
        with process_state_kept(changed.append):
            random.seed(987)
            np.random.seed(987)
            again = _rows(subject, one.specimen.good)
        if again.tobytes() != one.rows.tobytes():
            yield f"{one.title}: the rows differ the second time"
    configured, (first, *_) = _configured(subject), _accepted(subject)
    with process_state_kept(changed.append), configured.running():
        configured.metric.per_sample(first.specimen.good)
    yield from (f"it changed {what}" for what in dict.fromkeys(changed))


def _configured(subject: Subject) -> ConfiguredMetric:
    from compressor.contracts.configured_metric import ConfiguredMetric

    return ConfiguredMetric.of(subject.instance, origin=UNDER_TEST)


def _rows(subject: Subject, batch: Batch) -> Any:
    from compressor.measure.score_rows import per_sample

    inputs: Any = batch.inputs  # as a copy, since a metric may spoil them
    return per_sample(_configured(subject), replace(batch, inputs=inputs.copy()))


def _score(subject: Subject, rows: Any) -> float:
    from compressor.measure.statistics import value

    with _configured(subject).running():
        return value(rows, subject.instance)


def _judged(subject: Subject) -> list[_Judged]:
    from compressor.testing.metric_specimens import specimens

    def judge(title: str, specimen: Specimen) -> _Judged:
        try:
            rows = _rows(subject, specimen.good)
            return _Judged(title, specimen, rows, _score(subject, rows))
        except DataError as error:
            return _Judged(title, specimen, refused=str(error))
        except CompressorError as error:
            return _Judged(title, specimen, fault=str(error))

    return subject.once("judged", lambda: [judge(*item) for item in specimens().items()])


def _accepted(subject: Subject) -> list[_Judged]:
    found = [one for one in _judged(subject) if one.rows is not None]
    if not found:
        raise NotRun("it judged none of the kit's outputs")
    return found


def _part(batch: Batch, part: slice) -> Batch:
    inputs: Any = batch.inputs
    return replace(batch, outputs=batch.outputs[part], labels=batch.labels[part], inputs=inputs[part])
