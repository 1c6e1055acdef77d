"""Loads the data and the model of a run, and checks that they fit each other before anything is trained."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import cache

from compressor.base.import_path import function_at, names_function
from compressor.base.path_or_function import Reference
from compressor.base.text import counted
from compressor.contracts.execution_plan import Plan
from compressor.contracts.observer import Observer
from compressor.contracts.sources import Dataset
from compressor.data.expected_inputs import ExpectedInput, expected_inputs
from compressor.data.prepared_splits import RunData
from compressor.measure.data_checks import check_fit
from compressor.measure.evaluation import rehearse
from compressor.models.files.devices import runtime_warnings
from compressor.models.files.inputs_and_outputs import Ends, ends_of
from compressor.models.files.tensorflow_setup import threads_in_use
from compressor.planning.layer_pattern_check import refuse_unmatched
from compressor.recipe.loss_names import loss_functions
from compressor.recipe.training_params import TrainingDefaults
from compressor.run.stages.input_sizes import with_fixed_sizes
from compressor.run.stages.inputs import build_source, load_data
from compressor.run.stages.model_file import ModelFacts
from compressor.run.stages.saved_model import SavedModel, fresh_tensorflow
from compressor.run.stages.stage_store import Made, StageStore
from compressor.run.stages.step_result import layers_of
from compressor.training.class_weights import class_weights


@dataclass(frozen=True)
class Prepared:
    """The plan, the data and the model that a run starts from. `remarks` on data and model go into the report."""

    plan: Plan
    data: RunData
    source: SavedModel
    remarks: tuple[str, ...]
    expects: tuple[ExpectedInput, ...]

    @property
    def samples(self) -> Mapping[str, int]:
        """Samples in each split."""
        return {name: split.size for name, split in self.data.splits.items()}

    @property
    def fingerprints(self) -> Mapping[str, str]:
        """SHA-256 of the model that the run starts from, and of each split of the data."""
        splits = {name: split.fingerprint for name, split in self.data.splits.items()}
        return {"model": self.source.file.digest, **splits}


def prepare(plan: Plan, store: StageStore, observer: Observer) -> Prepared:
    """Load a plan's model and data, and check them.

    Raises:
        CompressorError: the data or the model is at fault, they do not fit each other, or a pattern matches no layer.
    """

    @cache
    def loaded() -> RunData:
        return _data_of(plan, store)

    source = load_source(plan, store, loaded)  # first, since data may take long to load, and the model may be unusable
    data = loaded()
    store.remember_data(data.training_fingerprint)
    observer.run_started(plan, {name: split.size for name, split in data.splits.items()})
    refuse_unmatched(plan.recipe, plan.stages, source.file.facts.layers)
    warnings = [*_thread_warnings(plan), *runtime_warnings(plan.runtime)]
    warnings += _data_warnings(plan, data, source.file.facts.ends)
    for text in warnings:
        observer.warned(text)
    remarks = (*source.file.facts.notes, *warnings)
    return Prepared(plan, data, source, remarks, expected_inputs(data.test))


def load_source(plan: Plan, store: StageStore, data: Callable[[], RunData] | None = None) -> SavedModel:
    """The model that a plan starts from, from the cache or built.

    Args:
        plan: the plan.
        store: stores the stages of the plan.
        data: gives the plan's data, whose sizes a model is built for that leaves them open; by default it is loaded.

    Raises:
        ModelError: the model cannot be loaded or built, or cannot be compressed.
        DataError: the model needs the data's sizes, and the data cannot be loaded or does not fit.
    """
    return store.source(lambda: _built(plan, data or (lambda: _data_of(plan, store))))


def _built(plan: Plan, data: Callable[[], RunData]) -> Made:
    fresh_tensorflow(plan)
    sized = with_fixed_sizes(build_source(plan), plan, data)
    model, notes = sized.built.model, sized.built.notes
    return model, ModelFacts(
        layers_of(model), notes=notes, ends=ends_of(model), was_open=sized.was_open, sized_by_data=sized.by_data
    )


def _data_of(plan: Plan, store: StageStore) -> RunData:
    if _may_use_random_numbers(plan.data):
        fresh_tensorflow(plan)  # so that data made with random numbers is the same each time
    data = load_data(plan, store.cache.folder)
    return replace(data, test=data.validation) if plan.measured_on == "validation" else data


def _thread_warnings(plan: Plan) -> list[str]:
    """Says that TensorFlow already computes with another number of threads in this process."""
    used = threads_in_use(plan.threads)
    if used == plan.threads:
        return []
    return [
        f"TensorFlow already computes with {counted(used, 'thread')} in this process, and so does "
        f"this run, in place of {plan.threads}; its files are those of 'threads: {used}'"
    ]


def _data_warnings(plan: Plan, data: RunData, ends: Ends | None) -> list[str]:
    """Warnings about data that looks wrong for this model; data that cannot work is refused."""
    assert ends is not None
    all_params = [step.strategy.params for step in plan.stages]
    params = next((params for params in all_params if isinstance(params, TrainingDefaults)), None)
    loss = params.loss if params and isinstance(params.loss, str) else None
    loss = None if loss and names_function(loss) else loss  # a function of the user's own may take any labels
    used = _outputs_in_use(plan, ends.outputs)
    warnings = [*data.notes, *check_fit(ends, data, loss, params.batch_size if params else 1, used)]
    rehearse(plan.metrics, ends, data.test)
    for params in all_params:
        if isinstance(params, TrainingDefaults):
            class_weights(params, ends.outputs, data)  # so that wrong ones are refused before anything is trained
    for step in plan.stages:
        for name in loss_functions(step.strategy.params):
            function_at(name)  # so that a missing function fails before anything is trained
    return warnings


def _outputs_in_use(plan: Plan, outputs: Collection[str]) -> set[str]:
    """The outputs of the model that a loss or a metric compares with labels."""
    used = {configured.output for configured in plan.metrics if configured.output}
    if len(outputs) == 1:
        used |= set(outputs)
    for step in plan.stages:
        loss = getattr(step.strategy.params, "loss", ())
        used |= set(outputs) if isinstance(loss, str) else set(loss)
    return used


def _may_use_random_numbers(data: Reference | Dataset) -> bool:
    """Whether making the data may use random numbers; if not, a run from the cache needs no TensorFlow."""
    return data.kind == "function" if isinstance(data, Reference) else not data.repeatable
