"""Models back from the files that stages left, as they would be in a new process."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import dataclass

from compressor.base.errors import CompressorError, ModelError, StepError
from compressor.base.plugin_errors import fenced
from compressor.base.types import Model
from compressor.contracts.execution_plan import Plan, PlannedStep
from compressor.models.files.custom_objects import known_objects
from compressor.models.files.keras_files import load_keras
from compressor.models.files.tensorflow_setup import prepare_tensorflow
from compressor.run.cache.keys import Parts, loading_code, teacher_parts
from compressor.run.stage_files import Artifact
from compressor.run.step_result import checked_objects, named


@dataclass(frozen=True)
class Left:
    """A model that is in a file: the plan that led to it, and those of its steps that were taken."""

    plan: Plan
    artifact: Artifact
    steps: Sequence[PlannedStep]

    @property
    def as_teacher(self) -> Parts:
        """What it is, for the key of a step that it teaches."""
        return teacher_parts(self.artifact.digest, loading_code(self.plan, self.steps))

    def load(self) -> Model:
        """The model, with random numbers as in a new process."""
        fresh_tensorflow(self.plan.seed)
        if not self.artifact.is_keras:
            return self.artifact.path.read_bytes()
        known = dict(known_objects(self.plan.recipe.model.custom_objects))
        for step in self.steps:
            with fenced(f"the strategy '{step.uses}' ({step.provider})", StepError):
                known |= checked_objects(step.strategy.custom_objects())
        error = StepError if self.steps else ModelError
        with fenced(whose(self.plan, self.steps), error, () if self.steps else (CompressorError,)):
            return load_keras(self.artifact.path, known, self.plan.trust_model)


def whose(plan: Plan, steps: Sequence[PlannedStep]) -> str:
    """The model that these steps left, and who made it, to begin a message with."""
    if steps:
        return f"the model that {named(steps[-1])} left"
    origin = plan.origins.get("model")
    return f"the model '{plan.model.name}'{f' ({origin})' if origin else ''}"


def fresh_tensorflow(seed: int) -> None:
    """Names and random numbers as in a new process, whatever was built before in this one."""
    prepare_tensorflow(seed)
    import tf_keras

    tf_keras.backend.clear_session()
    gc.collect()
    prepare_tensorflow(seed)
