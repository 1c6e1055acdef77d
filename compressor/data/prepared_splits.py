"""The data of a run: all three splits, prepared as the recipe says."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

from compressor.base.errors import DataError
from compressor.data.measured_steps import measured_steps, with_measured_steps
from compressor.data.pipeline import default_steps, with_default_scale
from compressor.data.section import DataSection
from compressor.data.split import Split, Splits
from compressor.data.split_drawing import drawn
from compressor.data.split_names import Part

SMOKE_SAMPLES = {"train": 384, "validation": 64, "test": 256}


@dataclass(frozen=True)
class RunData:
    """The training, validation and test split of a run. `classes` names the classes where the source did.

    `by_default` tells that neither the source nor the recipe declares preprocessing. `drawn` are the splits that were
    drawn from the training samples. `notes` are what the source says of the data.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    classes: tuple[str, ...] = ()
    by_default: bool = False
    drawn: frozenset[Part] = frozenset()
    notes: tuple[str, ...] = ()

    @property
    def splits(self) -> dict[str, Split]:
        """The three splits by name."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    @cached_property
    def training_fingerprint(self) -> str:
        """SHA-256 of what models are made with: the training and the validation split."""
        return hashlib.sha256(f"{self.train.fingerprint}{self.validation.fingerprint}".encode()).hexdigest()


def run_data(name: str, splits: Splits, section: DataSection, seed: int, smoke: bool) -> RunData:
    """The data of a run.

    Args:
        name: what to call the data.
        splits: what the source brings. A missing test split, and after it a missing validation split, is drawn from
            the training samples.
        section: the recipe's shares for these, and its steps.
        seed: what decides the draws.
        smoke: take only the first few samples of each split.

    Raises:
        DataError: there are too few training samples to draw from, there are no labels, or a step does not fit.
    """
    brought: dict[Part, Split | None] = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    parts = {part: _with_steps(split, splits.train, section) for part, split in brought.items() if split}
    if "test" not in parts:
        parts["train"], parts["test"] = drawn(parts["train"], "test", section.test_split, section.stratify, seed)
    if "validation" not in parts:
        share = section.validation_split
        parts["train"], parts["validation"] = drawn(parts["train"], "validation", share, section.stratify, seed)
    if smoke:
        parts = {part: split.take(SMOKE_SAMPLES[part]) for part, split in parts.items()}
    measured = measured_steps(parts["train"])
    parts = {part: with_measured_steps(split, measured) for part, split in parts.items()}
    for split in parts.values():
        split.read(range(1))  # raises where a step does not fit
    train = _augmented(parts["train"], section)
    by_default = splits.train.steps is None and section.preprocess is None
    drawn_parts = frozenset(part for part, split in brought.items() if split is None)
    return RunData(
        name, train, parts["validation"], parts["test"], splits.classes, by_default, drawn_parts, splits.notes
    )


def _with_steps(split: Split, train: Split, section: DataSection) -> Split:
    """A split with the recipe's steps of preprocessing, which follow the source's own or replace the default ones."""
    steps = None if section.preprocess is None else tuple(choice.operation for choice in section.preprocess)
    if split.steps is not None:
        steps = (*split.steps, *(steps or ()))
    else:
        steps = default_steps(train.samples) if steps is None else with_default_scale(train.samples, steps)
    from_inputs = section.targets == "inputs" or split.inputs_as_labels
    if not from_inputs and split.samples.example[1] is None:
        remedy = "name them under data.with, or write 'targets: inputs' under data for an autoencoder"
        raise DataError("the data has no labels", remedy)
    return Split(split.samples, steps, split.changes, from_inputs)


def _augmented(train: Split, section: DataSection) -> Split:
    changes = (*train.changes, *(choice.operation for choice in section.augment))
    return Split(train.samples, train.steps, changes, train.inputs_as_labels)
