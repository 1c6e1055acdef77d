"""The data of a run: every split there, cut and prepared as the recipe says, and fixed by the seed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import DataError
from compressor.base.named_arrays import arrays_in, is_named
from compressor.data.pipeline import Steps, default_steps
from compressor.data.preprocess import Normalize, Step
from compressor.data.section import DataSection
from compressor.data.split import Split, Splits

SMOKE_SAMPLES = {"train": 384, "validation": 64, "test": 256}


@dataclass(frozen=True)
class RunData:
    """The data of a run, with all three splits. `classes` names the classes where the source did.

    `by_default` tells that nobody declared what is done to a sample.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    classes: tuple[str, ...] = ()
    by_default: bool = False

    @cached_property
    def training_fingerprint(self) -> str:
        """SHA-256 over what models are made with: the training and the validation split."""
        return hashlib.sha256(f"{self.train.fingerprint}{self.validation.fingerprint}".encode()).hexdigest()


def run_data(name: str, splits: Splits, section: DataSection, seed: int, smoke: bool) -> RunData:
    """The splits a run works with.

    Where the source has no test or validation split, they are drawn from the training samples by the seed; a smoke run
    takes only the first few of each.

    Raises:
        DataError: there are too few training samples to take any away, there are no labels, or a step does not fit.
    """
    whole = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    parts = {part: _declared(split, splits.train, section) for part, split in whole.items() if split}
    for part in ("test", "validation"):
        if part not in parts:
            # the validation split's draw is the older one: the seed alone
            generator = np.random.default_rng([seed, 1] if part == "test" else seed)
            share = section.test_split if part == "test" else section.validation_split
            kept, drawn = _drawn(parts["train"], part, share, section.stratify, generator)
            parts |= {"train": parts["train"].part(kept), part: parts["train"].part(drawn)}
    if smoke:
        parts = {part: split.take(SMOKE_SAMPLES[part]) for part, split in parts.items()}
    measured = _measured_steps(parts["train"])
    parts = {part: _adapted(split, measured) for part, split in parts.items()}
    for split in parts.values():
        split.read(range(1))  # a step that does not fit says so here
    changes = tuple(choice.operation for choice in section.augment)
    before = parts["train"]
    train = Split(before.samples, before.steps, (*before.changes, *changes), before.inputs_as_labels)
    by_default = splits.train.steps is None and section.preprocess is None
    return RunData(name, train, parts["validation"], parts["test"], splits.classes, by_default)


def _declared(split: Split, train: Split, section: DataSection) -> Split:
    """A split with the recipe's steps: after those that it came with, in place of those that nobody declared."""
    steps = None if section.preprocess is None else tuple(choice.operation for choice in section.preprocess)
    if split.steps is not None:
        steps = (*split.steps, *(steps or ()))
    elif steps is None:
        steps = default_steps(train.samples)
    from_inputs = section.targets == "inputs" or split.inputs_as_labels
    if not from_inputs and split.samples.example[1] is None:
        remedy = "name them under data.with, or write 'targets: inputs' under data for an autoencoder"
        raise DataError("the data has no labels", remedy)
    return Split(split.samples, steps, split.changes, from_inputs)


def _drawn(
    train: Split, part: str, share: float, stratify: bool, generator: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the samples that stay and of those that go, in the order of the samples."""
    count = round(train.size * share)
    if not 0 < count < train.size:
        samples = f"{train.size:,} training sample{'' if train.size == 1 else 's'}"
        what = f"{samples} cannot give {share:.0%} of them to {part}"
        raise DataError(what, f"give more samples, or another data.{part}_split")
    order = generator.permutation(train.size)
    if stratify:
        order = _stratified(order, _classes_of(train))
    return np.sort(order[count:]), np.sort(order[:count])


def _stratified(order: NDArray[np.int64], classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The order changed so that any beginning of it holds each class by its share.

    The k-th of a class of n samples stands at (k + 1/2) / n of the way.
    """
    place = np.empty(len(order))
    for number in np.unique(classes):
        mine = order[classes[order] == number]
        place[mine] = (np.arange(len(mine)) + 0.5) / len(mine)
    return order[np.argsort(place[order], kind="stable")]


def _classes_of(split: Split) -> NDArray[np.int64]:
    labels = split.labels()
    if is_named(labels) or labels is None or labels.reshape(len(labels), -1).shape[1] != 1:
        raise DataError("'stratify' needs one class number for each sample", "remove it")
    flat = labels.reshape(-1)
    if not np.array_equal(flat, np.round(flat)):
        raise DataError("'stratify' needs class numbers, and the labels are not whole", "remove it")
    whole: NDArray[np.int64] = flat.astype(np.int64)
    return whole


def _measured_steps(train: Split) -> list[Steps]:
    """What each step that adapts becomes, measured on the training split as the steps before it leave it."""
    found: list[Steps] = []
    while (index := next((i for i, step in enumerate(train.preprocessing) if _adapts(step)), None)) is not None:
        step = train.preprocessing[index]
        found.append(_measured(Split(train.samples, train.preprocessing[:index]), step))
        train = _adapted(train, found[-1:])
    return found


def _adapted(split: Split, measured: Sequence[Steps]) -> Split:
    """A split with the measured steps in place of the first ones that adapt."""
    left = list(measured)
    steps: list[Step] = []
    for step in split.preprocessing:
        steps += left.pop(0) if left and _adapts(step) else [step]
    return Split(split.samples, tuple(steps), split.changes, split.inputs_as_labels)


def _adapts(step: Step) -> bool:
    return isinstance(step, Normalize) and step.mean == "adapt"


def _measured(train: Split, step: Step) -> Steps:
    """The step with the mean and the deviation of each channel or column of the inputs that it works on."""
    inputs = train.read(range(1))[0]
    names = [step.only] if step.only else sorted(inputs) if is_named(inputs) else [None]
    found = []
    for name in names:
        total: NDArray[np.float64] | float = 0.0
        squares: NDArray[np.float64] | float = 0.0
        count = 0
        for batch, _ in train.batches(max(1, (16 << 20) // max(1, sum(array.nbytes for array in arrays_in(inputs))))):
            values = (batch[name] if name else batch).astype(np.float64)
            axes = tuple(range(values.ndim - 1)) if values.ndim in (2, 4) else None
            count += values.size // (values.shape[-1] if axes else 1)
            total += values.sum(axis=axes)
            squares += np.square(values).sum(axis=axes)
        mean = np.atleast_1d(total / count)
        deviation = np.sqrt(np.maximum(np.atleast_1d(squares / count) - mean**2, 0))
        deviation[deviation < 1e-12] = 1.0  # a column that never changes stays as it is, around 0
        found.append(Normalize(mean=list(map(float, mean)), std=list(map(float, deviation)), only=name))
    return tuple(found)
