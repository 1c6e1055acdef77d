"""Checks that a strategy keeps what earlier steps made of the model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from compressor.contracts.model_state import ModelState, Trait
from compressor.testing.check_record import NotRun, check
from compressor.testing.strategy_subject import StrategySubject


@check(
    "strategy",
    reason="a later step that loses zeros undoes an earlier one, and the run fails",
    remedy="pass context.kept_structure(model) as callbacks to context.fit; or refuse such a model by "
    "state.require(lacks='sparse'); or give them up by state.drop('sparse', reason=...)",
)
def keeps_zeros(subject: StrategySubject) -> Iterable[str]:
    """Zeros that an earlier step made are still zero, if `plan` takes such a model and does not drop them."""
    yield from _lost(subject, "sparse", "kit_zeros")


@check(
    "strategy",
    reason="a later step that parts clusters undoes an earlier one, and the run fails",
    remedy="pass context.kept_structure(model) as callbacks to context.fit; or refuse such a model by "
    "state.require(lacks='clustered'); or give them up by state.drop('clustered', reason=...)",
)
def keeps_clusters(subject: StrategySubject) -> Iterable[str]:
    """Weights that an earlier step made equal are still equal, if `plan` takes such a model and does not drop them."""
    yield from _lost(subject, "clustered", "kit_clusters")


@check(
    "strategy",
    reason="a later step that stores weights in more bits undoes an earlier one, and the run fails",
    remedy="leave integers as they are; or refuse such a model by state.require(lacks='quantized')",
)
def keeps_quantized_weights(subject: StrategySubject) -> Iterable[str]:
    """Weights that an earlier step quantized keep their bits, if `plan` takes such a model."""
    yield from _lost(subject, "quantized", "kit_int8_file")


@check(
    "strategy",
    reason="a layer is frozen because its weights are to stay, as those of a backbone",
    remedy="leave 'trainable' as it is, and change no weights of layers that are not trainable",
    trains_only=True,
)
def frozen_layers_stay(subject: StrategySubject) -> Iterable[str]:
    """Weights of layers with `trainable = False` stay as they are, bit for bit."""
    trial = subject.trial("frozen", in_full=False, way="odd")
    if not trial.is_done:
        raise NotRun(f"it does not work on a model with frozen layers: {next(iter(trial.faults.values()))}")
    if "frozen" in trial.faults:
        yield f"on a model with frozen layers: {trial.faults['frozen']}"


def _lost(subject: StrategySubject, trait: Trait, maker: str) -> Iterable[str]:
    taken = [steps for steps, state in _ways(trait, maker) if subject.takes(state)]
    if not taken:
        raise NotRun(f"its 'plan' takes no model that is {trait}")
    trial = subject.done(taken[0])
    if trait not in trial.state.traits:
        raise NotRun(f"its 'plan' gives up what is {trait}, with a reason")
    if "traits" in trial.faults:
        yield f"on {trial.model}: {trial.faults['traits']}"
    elif trial.anatomy is None:
        raise NotRun("what it returns cannot be converted")


def _ways(trait: Trait, maker: str) -> Sequence[tuple[tuple[str, ...], ModelState]]:
    """The steps that make a model with a trait, and its state: as a Keras model, and as a file."""
    if trait == "quantized":
        return (((maker,), ModelState("litert", frozenset({trait}))),)
    return (
        ((maker,), ModelState("keras", frozenset({trait}))),
        ((maker, "kit_file"), ModelState("litert", frozenset({trait}))),
        ((maker, "kit_int8_file"), ModelState("litert", frozenset({trait, "quantized"}))),
    )
