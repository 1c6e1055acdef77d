"""Calls a strategy once, and watches what it does meanwhile: training, printing, and what it changes or draws."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.process_state import process_state_kept
from compressor.base.time_limit import time_limit
from compressor.base.types import Model
from compressor.contracts.context import StepContext
from compressor.contracts.execution_plan import PlannedStep
from compressor.contracts.observer import Observer
from compressor.recipe.training_params import TrainingParams
from compressor.run.stages.apply_strategy import returned_by
from compressor.training.callback_state import without_state
from compressor.training.trainer import Trainer

FROZEN = "frozen_"  # with which the names of the kit's frozen layers begin
_LONGEST = 120.0  # seconds that a strategy may take


@dataclass
class Watched:
    """What a strategy did. `moved` are frozen layers whose weights a training changed; `fits` counts the trainings.

    `own_fits` counts those that the context knows nothing of. `callbacks` names classes of callbacks of which nobody
    knows what they keep. `changed` is what it changed for the whole process.
    """

    fits: int = 0
    own_fits: int = 0
    moved: set[str] = field(default_factory=set)
    callbacks: set[str] = field(default_factory=set)
    changed: list[str] = field(default_factory=list)
    printed: str = ""
    changed_input: bool = False


class EagerTrainer(Trainer):
    """Trains without graphs, which take longer to build than the kit's few batches take to run."""

    eagerly = True


class WarningsKept(Observer):
    """Keeps what a run would warn of."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warned(self, text: str) -> None:
        self.warnings.append(text)


class WatchedContext(StepContext):
    """A context that looks at each training."""

    watched: Watched

    def fit(self, model: Model, params: TrainingParams, callbacks: Sequence[Any] = (), settled_after: int = 0) -> None:
        before = frozen_values(model)
        self.watched.callbacks.update(without_state(callbacks))
        self.watched.fits += 1
        with _fitting(self.watched, by_context=True):
            super().fit(model, params, callbacks, settled_after)
        after = frozen_values(model)
        self.watched.moved.update(name for (name, weight) in before if _differ(before, after, (name, weight)))


def watched_call(step: PlannedStep, model: Model, context: WatchedContext, disturb: int | None) -> Model:
    """What a step's strategy returns; what it did meanwhile is in `context.watched`.

    Args:
        step: the step, whose strategy is used for this call alone.
        model: the model that it gets.
        context: what else it gets.
        disturb: a seed for the random numbers of Python and NumPy before the call, other than the run's; None to leave
            them as they are.

    Raises:
        StepError: the strategy fails.
    """
    watched = context.watched = Watched()
    original = step.strategy.apply

    def apply(model: Model, context: StepContext) -> Model:
        printed, before = io.StringIO(), _weights_of(model)
        with process_state_kept(watched.changed.append), time_limit(_LONGEST), redirect_stdout(printed):
            if disturb is not None:
                random.seed(disturb)
                np.random.seed(disturb)
            with _fitting(watched, by_context=False), _seeding(watched):
                try:
                    return original(model, context)
                finally:
                    watched.printed = printed.getvalue()
                    after = _weights_of(model)
                    watched.changed_input = any(_differ(before, after, key) for key in before)

    vars(step.strategy)["apply"] = apply
    try:
        return returned_by(step, model, context)
    finally:
        del vars(step.strategy)["apply"]


def frozen_values(model: Model) -> dict[tuple[str, str], NDArray[Any]]:
    """The weights of the frozen layers, by the names of layer and weight; of a wrapper those of the layer within."""
    found: dict[tuple[str, str], NDArray[Any]] = {}
    for layer in () if isinstance(model, bytes) else model._flatten_layers(include_self=False):
        within = getattr(layer, "layer", layer) if not layer.name.startswith(FROZEN) else layer
        if within.name.startswith(FROZEN):
            weights = [weight for weight, *_ in getattr(layer, "_weight_vars", ())] + within.weights
            found |= {(within.name, weight.name.rpartition("/")[2]): weight.numpy() for weight in weights}
    return found


_by_context: list[bool] = []


@contextmanager
def _fitting(watched: Watched, by_context: bool) -> Iterator[None]:
    """Count the trainings of Keras models that do not go through the context."""
    import tf_keras

    if by_context:
        _by_context.append(True)
        try:
            yield
        finally:
            _by_context.pop()
        return
    original: Callable[..., Any] = tf_keras.Model.fit

    def fit(self: Any, *args: Any, **options: Any) -> Any:
        watched.own_fits += not _by_context
        return original(self, *args, **options)

    tf_keras.Model.fit = fit
    try:
        yield
    finally:
        tf_keras.Model.fit = original


@contextmanager
def _seeding(watched: Watched) -> Iterator[None]:
    """Note that the random numbers of Python or NumPy are seeded."""
    modules: Any = (random, np.random)
    originals = [module.seed for module in modules]

    def noting(seed: Callable[..., None]) -> Callable[..., None]:
        def noted(*args: Any, **options: Any) -> None:
            watched.changed.append("the seed of the global random numbers")
            seed(*args, **options)

        return noted

    for module, original in zip(modules, originals, strict=True):
        module.seed = noting(original)
    try:
        yield
    finally:
        for module, original in zip(modules, originals, strict=True):
            module.seed = original


def _weights_of(model: Model) -> dict[tuple[str, str], NDArray[Any]]:
    if isinstance(model, bytes):
        return {}
    return {("", f"{place} {weight.name}"): weight.numpy() for place, weight in enumerate(model.weights)}


def _differ(
    before: Mapping[tuple[str, str], NDArray[Any]], after: Mapping[tuple[str, str], NDArray[Any]], key: tuple[str, str]
) -> bool:
    return key in after and before[key].tobytes() != after[key].tobytes()
