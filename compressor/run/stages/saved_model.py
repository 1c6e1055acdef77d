"""Models in the files of their stages, which are loaded as in a new process."""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from compressor.base.errors import CompressorError, ModelError, StepError
from compressor.base.machine_memory import give_back_free
from compressor.base.plugin_errors import fenced
from compressor.base.types import Model
from compressor.contracts.execution_plan import Plan, PlannedStep
from compressor.contracts.model_state import ModelState
from compressor.models.files.custom_objects import known_objects
from compressor.models.files.devices import processors_for
from compressor.models.files.inputs_and_outputs import Shape
from compressor.models.files.keras_files import load_keras
from compressor.models.files.tensorflow_setup import prepare_tensorflow
from compressor.models.files.unknown_names import UnknownNameError
from compressor.run.stages.model_file import ModelFile
from compressor.run.stages.step_result import checked_objects, named


@dataclass(frozen=True)
class SavedModel:
    """A model in a file, with its plan and the steps of the plan that have been applied.

    `was_open` are the shapes of a sample by input that the run's model had, where it left sizes open. `converted` is
    the `.tflite` file that it was measured as, once it was, if it was trained with fake quantization.
    """

    plan: Plan
    steps: tuple[PlannedStep, ...]
    file: ModelFile
    was_open: Mapping[str, Shape] = field(default_factory=dict)
    converted: bytes | None = field(default=None, repr=False)

    @property
    def state(self) -> ModelState:
        """Its format and traits after these steps."""
        return self.steps[-1].after if self.steps else self.plan.start

    @property
    def stage(self) -> int:
        """The number of its stage; that of the baseline is 0, whether or not a step trained it."""
        return len(self.steps) - 1 if self.plan.baseline else len(self.steps)

    @property
    def weight_bits(self) -> int | None:
        """Bits that its weights resolve, where steps on the file made them coarser than their type."""
        found: list[int] = []
        for step in self.steps:
            with fenced(f"the strategy '{step.uses}' ({step.provider})", StepError):
                bits = step.strategy.weight_bits
            if bits is not None and step.after.format != "keras":
                found.append(bits)
        return min(found, default=None)

    def after(self, step: PlannedStep, file: ModelFile) -> SavedModel:
        """The model after one more step, in its file."""
        return replace(self, steps=(*self.steps, step), file=file, converted=None)

    def measured_as(self, content: bytes, remarks: Sequence[str]) -> SavedModel:
        """This model with the `.tflite` file that it was measured as, for a step that would convert it in the same way.

        Without that file if it was not trained with fake quantization, or if its row in the report has `remarks`, which
        such a step would have to make as well.
        """
        if not self.file.is_keras or "quantization_aware" not in self.state.traits or self.was_open or remarks:
            return self
        return replace(self, converted=content)

    def load(self, strategy: Any = None) -> Model:
        """Load the model, with random numbers as in a new process.

        Args:
            strategy: the `tf.distribute` strategy that shall train it, if it is to be trained on several devices.

        Raises:
            ModelError: it is the model that the run starts from, and cannot be loaded.
            StepError: it is the model of a step, and cannot be loaded.
        """
        fresh_tensorflow(self.plan)
        if not self.file.is_keras:
            return self.file.path.read_bytes()
        custom_objects = self.custom_objects()
        error, passed_on = (StepError, ()) if self.steps else (ModelError, (CompressorError,))
        scope = strategy.scope() if strategy is not None else nullcontext()
        with fenced(describe_origin(self.plan, self.steps), error, passed_on, draws=True), scope:
            try:
                return load_keras(self.file.path, custom_objects, self.plan.trust_model)
            except UnknownNameError as unknown:
                if not self.steps:
                    raise
                what = f"it holds '{unknown.name}', which Keras does not know"
                raise StepError(what, "have the strategy return it from 'custom_objects()'") from unknown

    def custom_objects(self) -> dict[str, Any]:
        """The user's own classes and functions and those of the steps, by name.

        Raises:
            CompressorError: they cannot be had.
        """
        custom_objects = dict(known_objects(self.plan.recipe.model.custom_objects))
        for step in self.steps:
            with fenced(f"the strategy '{step.uses}' ({step.provider})", StepError):
                custom_objects |= checked_objects(step.strategy.custom_objects())
        return custom_objects


def describe_origin(plan: Plan, steps: tuple[PlannedStep, ...]) -> str:
    """The model after these steps and who made it, as the start of a message."""
    if steps:
        return f"the model of {named(steps[-1])}"
    origin = plan.origins.get("model")
    return f"the model '{plan.model.name}'{f' ({origin})' if origin else ''}"


def fresh_tensorflow(plan: Plan) -> None:
    """Reset TensorFlow's names, random numbers and memory to those of a new process, whatever this one has built."""
    processors = processors_for(plan.runtime)
    prepare_tensorflow(plan.seed, plan.threads, processors)
    import tf_keras

    tf_keras.backend.clear_session()
    gc.collect()
    give_back_free()
    prepare_tensorflow(plan.seed, plan.threads, processors)
