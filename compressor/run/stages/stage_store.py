"""Stores the models and measurements of a run, in the cache and as files of the run's folder.

No other module of a run knows about keys, cache entries, locks or the names of stage files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from compressor.base.atomic_files import write_whole
from compressor.base.cache_folder import SPOOL
from compressor.base.errors import ModelError, StepError
from compressor.base.hashing import bytes_digest, file_digest
from compressor.base.plugin_errors import fenced
from compressor.base.types import Model
from compressor.contracts.execution_plan import Plan, PlannedStep
from compressor.measure.evaluation import Measurement
from compressor.models.packing.package import shipping_suffix
from compressor.run.cache.entry_file import key_of
from compressor.run.cache.keys import (
    Parts,
    data_parts,
    loading_code,
    measurement_parts,
    note_name,
    step_parts,
    teacher_parts,
)
from compressor.run.cache.locks import InUse, making
from compressor.run.cache.source_entries import known_source_parts, new_source_parts
from compressor.run.cache.store import Cache
from compressor.run.stages.cached_stages import cached_measurement, cached_model, keep_measurement, keep_model
from compressor.run.stages.checkpoints import KeptCheckpoints
from compressor.run.stages.model_file import ModelFacts, ModelFile, saved
from compressor.run.stages.saved_model import SavedModel, describe_origin
from compressor.run.stages.shared_stages import SharedCheckpoints, agreed, make_together, sent, taken
from compressor.run.stages.step_result import named, trains

if TYPE_CHECKING:
    from compressor.training.trainer import Checkpoints
    from compressor.training.worker_group import WorkerGroup

Made = tuple[Model, ModelFacts]
"""A model in memory, and the facts about it."""


class StageStore:
    """Stores the stages of one run, in the run's folder and in the cache. Use it in a `with` block."""

    def __init__(
        self,
        plan: Plan,
        folder: Path,
        cache: Cache,
        waiting: Callable[[str], None],
        warn: Callable[[str], None] = lambda _: None,
        group: WorkerGroup | None = None,
    ) -> None:
        """Open the store.

        Args:
            plan: the plan of the run.
            folder: the run's folder, which exists; the stages go into a folder within it.
            cache: the cache that earlier results are taken from and new ones are written to.
            waiting: is called with a step's id while another run makes the same step.
            warn: is told what cannot go on where it was interrupted.
            group: the workers that share the trainings of the run; None for a run on one machine.
        """
        self._plan = plan
        self._folder = folder / "stages"
        self._folder.mkdir(exist_ok=True)
        self._cache = cache
        self._waiting = waiting
        self._warn = warn
        self._group = group
        self._in_use = InUse(cache.folder)
        self._in_use.add(SPOOL)  # the run may read data from there until it ends
        self._files: dict[str, str] = {}

    def __enter__(self) -> StageStore:
        return self

    def __exit__(self, *error: object) -> None:
        self._in_use.close()

    @property
    def files(self) -> Mapping[str, str]:
        """SHA-256 of every stage file that is part of the result, by its name in the run's folder."""
        return dict(self._files)

    @property
    def group(self) -> WorkerGroup | None:
        """The workers that share the trainings of the run; None for a run on one machine."""
        return self._group

    @property
    def leads(self) -> bool:
        """Whether this process has the cache and the results, as all but the workers behind the first do."""
        return self._group is None or self._group.leads

    @property
    def cache(self) -> Cache:
        """The cache, for runs within this one and for spooled data."""
        return self._cache

    def folder_for(self, name: str) -> Path:
        """Make a folder beside the stages, for a run within this one."""
        folder = self._folder / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def source(self, build: Callable[[], Made]) -> SavedModel:
        """The model that the run starts from, from the cache or built."""
        if not self.leads:
            file = self._taken("source")
            assert file is not None
            return SavedModel(self._plan, (), file, file.facts.was_open)
        parts = known_source_parts(self._plan, self._cache)
        file = None
        if parts is not None:
            self._in_use.add(key_of(parts))
            file = cached_model(self._cache, parts, self._folder, "source")
        if file is None:
            model, facts = build()
            parts = new_source_parts(self._plan, self._cache, facts.sized_by_data)
            if parts is not None:
                self._in_use.add(key_of(parts))
            with fenced(f"{describe_origin(self._plan, ())}, which cannot be saved,", ModelError, (OSError,)):
                path = saved(model, self._folder, "source")
            file = keep_model(self._cache, parts, path, facts)
        if self._group is not None:
            sent(self._group, file)
        return SavedModel(self._plan, (), file, file.facts.was_open)

    def step(
        self,
        before: SavedModel,
        step: PlannedStep,
        data: str,
        teacher: SavedModel | None,
        make: Callable[[Checkpoints], Made],
    ) -> SavedModel:
        """The model that a step returns, from the cache or made.

        Args:
            before: the model that the step gets.
            step: the step.
            data: hash of the training and validation splits.
            teacher: the model that the step learns from, if it has one.
            make: applies the step.

        Raises:
            StepError: the step failed, or its model cannot be saved.
        """
        stem = f"{before.after(step, before.file).stage}-{step.id}"
        if not self.leads:
            return before.after(step, self._taken(stem) or self._made_with_others(step, stem, make))
        teacher_key = _teacher_parts(teacher) if teacher else None
        loaded, was_open = _loading_code(before), before.was_open
        parts = step_parts(step, before.file.digest, loaded, data, self._plan, teacher_key, was_open)
        key = key_of(parts)
        self._in_use.add(key)
        file = cached_model(self._cache, parts, self._folder, stem)
        if file is None:
            with making(self._cache.folder, key, lambda: self._waiting(step.id)):
                file = cached_model(self._cache, parts, self._folder, stem)  # another run may have made it meanwhile
                file = file or self._made(step, parts, stem, make)
        if self._group is not None and (file.cached or not trains(step)):
            sent(self._group, file)
        self._cache.remember(note_name(self._plan, step.id), parts)
        return before.after(step, file)

    def measurement(
        self, model: SavedModel, data: str, made_of: bytes | None, measure: Callable[[], tuple[bytes, Measurement]]
    ) -> tuple[bytes, Measurement]:
        """The file of a model that would ship and its measurement, from the cache or made.

        Args:
            model: the model.
            data: hash of the splits that it is measured and tried on.
            made_of: the file that the model is held against, where it is no Keras model.
            measure: exports the model, and measures the file.
        """
        loaded, state = _loading_code(model), str(model.state)
        other = bytes_digest(made_of) if made_of else ""
        plan, digest, bits = self._plan, model.file.digest, model.weight_bits
        parts = measurement_parts(digest, loaded, state, data, plan.metrics, other, model.was_open, plan.threads, bits)
        self._in_use.add(key_of(parts))
        measured = cached_measurement(self._cache, parts)
        if measured is None:
            measured = measure()
            keep_measurement(self._cache, parts, *measured)
        return measured

    def ship(self, model: SavedModel, stage_id: str, content: bytes) -> None:
        """Write the file that would ship after a stage, and count both files of the stage as files of the run."""
        path = self._folder / f"{model.stage}-{stage_id}{shipping_suffix(content)}"
        write_whole(path, content)
        self._files[f"stages/{path.name}"] = file_digest(path)
        self.count(model)

    def count(self, model: SavedModel) -> None:
        """Count a model's file as a file of the run."""
        self._files[f"stages/{model.file.path.name}"] = model.file.digest

    def count_files(self, folder: str, files: Mapping[str, str]) -> None:
        """Count the files of a run within this one, in a folder beside the stages, as files of this run."""
        self._files |= {f"stages/{folder}/{name}": digest for name, digest in files.items()}

    def remember_data(self, fingerprint: str) -> None:
        """Note the data's hash under the parts that it depends on, so that a forecast need not load the data."""
        if parts := data_parts(self._plan):
            self._cache.remember(f"data {key_of(parts)}", {"fingerprint": fingerprint})

    def _made(self, step: PlannedStep, parts: Parts, stem: str, make: Callable[[Checkpoints], Made]) -> ModelFile:
        checkpoints = KeptCheckpoints(self._cache, parts, self._in_use.add)
        begun = f"begun {note_name(self._plan, step.id)}"
        checkpoints.begin(begun, lambda text: self._warn(f"the step '{step.id}' {text}"))
        group = self._group if trains(step) else None
        if group is not None:
            make_together(group)
        model, facts = make(SharedCheckpoints(group, checkpoints) if group is not None else checkpoints)
        file = keep_model(self._cache, parts, self._saved(step, model, stem), facts)
        if group is not None:
            file = agreed(group, file, stem, step.id, self._warn)
        checkpoints.finish(begun)
        return file

    def _saved(self, step: PlannedStep, model: Model, stem: str) -> Path:
        with fenced(f"{named(step)}, whose model cannot be saved,", StepError, (OSError,)):
            return saved(model, self._folder, stem)

    def _taken(self, stem: str) -> ModelFile | None:
        """Take the file that worker 0 sends; None if all workers are to make it together."""
        assert self._group is not None
        return taken(self._group, self._folder, stem)

    def _made_with_others(self, step: PlannedStep, stem: str, make: Callable[[Checkpoints], Made]) -> ModelFile:
        """Take part in what all workers make, as one that keeps nothing of it."""
        assert self._group is not None
        model, facts = make(SharedCheckpoints(self._group, None))
        path = self._saved(step, model, stem)
        file = ModelFile(path, file_digest(path), facts, cached=False)
        return agreed(self._group, file, stem, step.id, self._warn)


def _loading_code(model: SavedModel) -> list[str]:
    """Hashes of the code that loading the model runs."""
    return loading_code(model.plan, model.steps)


def _teacher_parts(teacher: SavedModel) -> Parts:
    """The parts of this teacher in the key of a step that learns from it."""
    return teacher_parts(teacher.file.digest, _loading_code(teacher))
