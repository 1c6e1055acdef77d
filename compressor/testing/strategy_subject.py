"""A strategy under test: what it plans, and what becomes of the kit's models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from compressor.base.errors import CompressorError
from compressor.contracts.execution_plan import IN_MEMORY, PlannedStep, Provider
from compressor.contracts.hookspecs import hookimpl
from compressor.contracts.model_state import ModelState
from compressor.planning.registry import Registry
from compressor.planning.step_order import state_after
from compressor.recipe.training_params import TrainingParams
from compressor.testing.check_record import NotRun
from compressor.testing.kit_models import TRIED
from compressor.testing.subject import UNDER_TEST, Subject

_ENTRIES: tuple[tuple[tuple[str, ...], ModelState], ...] = (
    ((), ModelState()),
    (("kit_file",), ModelState("litert")),
    (("kit_int8_file",), ModelState("litert", frozenset({"quantized"}))),
    (("qat",), ModelState("keras", frozenset({"quantization_aware"}), "int8")),
)
"""How to make a model that a strategy takes; the first one that it takes is used."""


class StrategySubject(Subject):
    """A strategy under test, which is applied to the kit's models; each is tried once in each way."""

    def __init__(self, kind: Any, cls: type[Any], values: Mapping[str, Any]) -> None:
        """Take a strategy; see `Subject`."""
        super().__init__(kind, cls, values)
        self._trials: dict[Any, Any] = {}

    @property
    def trains(self) -> bool:
        """Whether it trains."""
        return issubclass(self.params, TrainingParams)

    @cached_property
    def step(self) -> PlannedStep:
        """It as a step, for planning."""
        return PlannedStep(self.name, self.instance, self.entry.provider, ModelState(), ModelState())

    def takes(self, state: ModelState) -> bool:
        """Whether its plan takes a model in a state."""
        try:
            return isinstance(state_after(self.step, state), ModelState)
        except CompressorError:
            return False

    @cached_property
    def entry_steps(self) -> tuple[str, ...]:
        """The kit's steps that make a model which the strategy takes.

        Raises:
            NotRun: it takes none.
        """
        for steps, state in _ENTRIES:
            if self.takes(state):
                return steps
        raise NotRun("its 'plan' takes no model of the kit")

    @cached_property
    def workbench(self) -> Any:
        """Where it is applied."""
        from compressor.testing.kit_plugin import KitPlugin
        from compressor.testing.workbench import Workbench

        registry = Registry.installed()
        registry.add(KitPlugin(), "kit", Provider("compressor.testing", IN_MEMORY))
        registry.add(_Brings(self.cls), UNDER_TEST, self.entry.provider)
        return Workbench(registry, self.folder)

    def trial(
        self, model: str, first: Sequence[str] | None = None, *, epochs: int = 1, way: str = "", **options: Any
    ) -> Any:
        """What became of a model of the kit.

        Args:
            model: its name.
            first: the steps before the strategy; by default those that make a model which it takes.
            epochs: of a strategy that trains, if its parameters say nothing.
            way: how it is applied, if `options` are given: another way is another trial.
            options: for `Workbench.attempt`.

        Raises:
            NotRun: the strategy cannot be applied.
        """
        self.instance  # noqa: B018 - raises where there is none
        steps = tuple(self.entry_steps if first is None else first)
        key = (model, steps, epochs, way)
        if key not in self._trials:
            self._trials[key] = self._attempt(model, steps, epochs, options)
        found = self._trials[key]
        if isinstance(found, CompressorError):
            raise NotRun(f"it cannot be planned ({found})")
        return found

    def trials(self) -> Sequence[Any]:
        """What became of all models of the kit."""
        return [self.trial(model) for model in TRIED]

    def done(self, first: Sequence[str] | None = None) -> Any:
        """What became of the first model that the strategy could be applied to.

        Raises:
            NotRun: there is none.
        """
        for model in TRIED:
            trial = self.trial(model, first)
            if trial.is_done:
                return trial
        raise NotRun("it could be applied to no model of the kit")

    def values_for(self, epochs: int) -> Mapping[str, Any]:
        """Its parameters, with few epochs and small batches where it trains and they say nothing."""
        return {"epochs": epochs, "batch_size": 16, **self.values} if self.trains else self.values

    def _attempt(self, model: str, steps: Sequence[str], epochs: int, options: Mapping[str, Any]) -> Any:
        own = {"uses": f"{UNDER_TEST}:{self.cls.name}", "id": self.cls.name, "with": dict(self.values_for(epochs))}
        try:
            plan = self.workbench.planned(model, [*({"uses": name} for name in steps), own])
        except CompressorError as error:
            return error
        return self.workbench.attempt(plan, model, **options)


class _Brings:
    """A plugin that brings the strategy alone."""

    def __init__(self, cls: type[Any]) -> None:
        self._cls = cls

    @hookimpl
    def strategies(self) -> list[type[Any]]:
        """The strategy."""
        return [self._cls]
