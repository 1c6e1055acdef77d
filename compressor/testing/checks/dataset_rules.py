"""Checks of data sets."""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Iterable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from compressor.base.errors import CompressorError, DataError
from compressor.base.plugin_errors import fenced
from compressor.base.process_state import process_state_kept
from compressor.testing.check_record import NotRun, check
from compressor.testing.subject import Subject

if TYPE_CHECKING:
    from compressor.data.split import Split, Splits

_READ = 4_000  # samples of a split
_SHARED = 0.01  # share of the test samples that may be among the training samples
_MOST_CLASSES = 1_000


@dataclass
class _Loading:
    """What loading a data set gave, or why it gave nothing."""

    splits: Splits | None = None
    missing: str = ""
    crashed: str = ""
    no_splits: str = ""
    printed: str = ""
    changed: list[str] = field(default_factory=list)


@check(
    "data set",
    reason="an error of any other class is reported as a fault of the plugin",
    remedy="raise compressor.DataError(what, remedy) where the data is not there",
)
def loads(subject: Subject) -> Iterable[str]:
    """The data set can be loaded, or says by a `DataError` why not."""
    if fault := _loaded(subject).crashed:
        yield fault


@check(
    "data set",
    reason="runs take nothing else",
    remedy="return compressor.Splits, ((x_train, y_train), (x_test, y_test)), or a mapping with x_train and so on",
)
def brings_splits(subject: Subject) -> Iterable[str]:
    """What it loads are splits, or what the tool can make splits of."""
    loading = _loaded(subject)
    if loading.no_splits:
        yield loading.no_splits
    elif loading.splits is None:
        raise NotRun(_why_not(loading))


@check(
    "data set",
    reason="a model that is trained on one split is measured on another",
    remedy="prepare all splits in the same way",
)
def splits_are_alike(subject: Subject) -> Iterable[str]:
    """Samples of all splits have the same names, shapes and types."""
    first, *others = _splits(subject).items()
    wanted = _described(first[1])
    for name, split in others:
        if (found := _described(split)) != wanted:
            yield f"samples of '{first[0]}' are {wanted}, and of '{name}' {found}"


@check(
    "data set",
    reason="a single NaN spreads to every weight",
    remedy="leave out, or fill, what is not known",
)
def samples_are_finite(subject: Subject) -> Iterable[str]:
    """Inputs and labels are finite numbers."""
    import numpy as np

    from compressor.base.named_arrays import arrays_in

    for name, split in _splits(subject).items():
        arrays = arrays_in(split.read(range(min(_READ, split.size))))
        if any(array.dtype.kind == "f" and not np.isfinite(array).all() for array in arrays):
            yield f"'{name}' holds values that are not finite"


@check(
    "data set",
    reason="no model can learn a class that it is never shown",
    remedy="draw the splits so that each class is in all of them",
)
def test_classes_are_in_training(subject: Subject) -> Iterable[str]:
    """Each class of the test split is one of the training split."""
    splits = _splits(subject)
    if "test" not in splits:
        raise NotRun("it brings no test split")
    shown, asked = (_classes(splits[name]) for name in ("train", "test"))
    if shown is None or asked is None:
        raise NotRun("its labels are no classes")
    if missing := sorted(asked - shown):
        yield f"the classes {', '.join(map(str, missing[:5]))} are in the test split alone"


@check(
    "data set",
    reason="a model is measured on what it has not seen, or the figures mean nothing",
    remedy="draw the splits before samples are repeated or augmented",
)
def test_samples_are_new(subject: Subject) -> Iterable[str]:
    """Hardly any test sample is one of the training split."""
    splits = _splits(subject)
    if "test" not in splits:
        raise NotRun("it brings no test split")
    seen, asked = set(_digests(splits["train"], splits["train"].size)), _digests(splits["test"], _READ)
    shared = sum(digest in seen for digest in asked)
    if shared > max(1, _SHARED * len(asked)):
        yield f"{shared:,} of the first {len(asked):,} test samples are training samples as well"


@check(
    "data set",
    reason="the cache knows the data by the name, the parameters and the code alone",
    remedy="draw random numbers from a generator with a seed of its own; or set 'repeatable = False'",
)
def loads_the_same_again(subject: Subject) -> Iterable[str]:
    """Loaded again, with other global random numbers, the data is the same, unless `repeatable` is False."""
    if not subject.cls.repeatable:
        raise NotRun("it does not claim to: 'repeatable' is False")
    first = _splits(subject)
    again = subject.once("loaded again", lambda: _load(subject))
    if again.splits is None:
        yield f"it could be loaded once, and not again: {_why_not(again)}"
        return
    second = _parts(again.splits)
    for name, split in first.items():
        if name not in second or split.fingerprint != second[name].fingerprint:
            yield f"'{name}' differs the second time"


@check(
    "data set",
    reason="standard output belongs to the tool, and settings of the process belong to everybody",
    remedy="use logging, and pass paths and settings as arguments",
)
def loads_without_side_effects(subject: Subject) -> Iterable[str]:
    """Loading prints nothing, and changes neither the working directory nor the environment nor settings of Keras."""
    loading = _loaded(subject)
    yield from (f"it changed {what}" for what in loading.changed)
    if loading.printed:
        yield f"it printed {loading.printed[:60]!r}"


def _loaded(subject: Subject) -> _Loading:
    return subject.once("loaded", lambda: _load(subject))


def _load(subject: Subject) -> _Loading:
    import numpy as np

    from compressor.data.from_source import dataset_splits

    loading, dataset, printed = _Loading(), subject.instance, io.StringIO()
    try:
        with (
            fenced("it", DataError),
            process_state_kept(loading.changed.append),
            redirect_stdout(printed),
        ):
            random.seed(None)
            np.random.seed(None)
            returned = dataset.load()
    except DataError as error:
        own = isinstance(error.__cause__, CompressorError)
        loading.missing, loading.crashed = (str(error), "") if own else ("", str(error))
        return loading
    finally:
        loading.printed = printed.getvalue()
    try:
        loading.splits = dataset_splits(_Returned(returned), "it", subject.folder)
    except CompressorError as error:
        loading.no_splits = str(error)
    return loading


class _Returned:
    """A data set that has been loaded."""

    def __init__(self, returned: object) -> None:
        self._returned = returned

    def load(self) -> object:
        """Return what it was."""
        return self._returned


def _why_not(loading: _Loading) -> str:
    return f"it cannot be loaded ({loading.missing or loading.crashed or loading.no_splits})"


def _splits(subject: Subject) -> Mapping[str, Split]:
    loading = _loaded(subject)
    if loading.splits is None:
        raise NotRun(_why_not(loading))
    return _parts(loading.splits)


def _parts(splits: Splits) -> dict[str, Split]:
    parts = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    return {name: split for name, split in parts.items() if split is not None}


def _described(split: Split) -> str:
    from compressor.base.named_arrays import is_named

    def text(values: Any) -> str:
        if values is None:
            return "nothing"
        if is_named(values):
            return ", ".join(f"{name}: {text(array)}" for name, array in sorted(values.items()))
        return f"{values.dtype} of shape {values.shape[1:]}"

    inputs, labels = split.samples.read(range(1))
    return f"{text(inputs)}, with labels {text(labels)}"


def _classes(split: Split) -> set[int] | None:
    count = split.size if split.samples.in_memory else min(_READ, split.size)
    labels: Any = split.samples.read(range(count))[1]
    if getattr(getattr(labels, "dtype", None), "kind", "") not in "iu" or labels.ndim > 2:
        return None
    found = {int(label) for label in labels.reshape(-1)}
    return found if len(found) <= _MOST_CLASSES else None


def _digests(split: Split, most: int) -> list[bytes]:
    """SHA-256 of the inputs of samples, at most so many; fewer where they are in files, which take long to read."""
    from compressor.base.named_arrays import arrays_in

    count = min(most if split.samples.in_memory else _READ, split.size)
    arrays = arrays_in(split.samples.read(range(count))[0])
    return [hashlib.sha256(b"".join(array[at].tobytes() for array in arrays)).digest() for at in range(count)]
