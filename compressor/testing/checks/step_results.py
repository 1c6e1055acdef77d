"""Checks of the models that a strategy returns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from compressor.base.text import listing
from compressor.testing.check_record import NotRun, check
from compressor.testing.strategy_subject import StrategySubject

_UNCLAIMED_ZEROS = 0.2  # share of the weights
_FLOAT_BITS = 32


@check(
    "strategy",
    reason="the next step, and the file that ships, are made from it",
    remedy="return a functional tf_keras model, or the bytes of a LiteRT file, as 'plan' says by its format",
)
def returns_what_it_plans(subject: StrategySubject) -> Iterable[str]:
    """`apply` returns a model of the format that `plan` names."""
    yield from _faults(subject, "kind")


@check(
    "strategy",
    reason="the program that runs the file feeds it as it fed the model before",
    remedy="keep them, or list in 'changes_endpoints' what changes: 'names', 'shapes' or 'types'",
)
def keeps_inputs_and_outputs(subject: StrategySubject) -> Iterable[str]:
    """The model has the inputs and outputs that it had, but for what `changes_endpoints` names."""
    yield from _faults(subject, "endpoints")


@check(
    "strategy",
    reason="a single NaN spreads to every output",
    remedy="guard divisions and logarithms; raise compressor.StepError where no finite weights can be had",
)
def weights_are_finite(subject: StrategySubject) -> Iterable[str]:
    """All weights and scales of the model are finite."""
    yield from _faults(subject, "finite")


@check(
    "strategy",
    reason="every step starts from the file of the step before it",
    remedy="give own layers a 'get_config' that returns all that they were made with, and name their classes in "
    "'custom_objects()'",
)
def can_be_saved_and_loaded(subject: StrategySubject) -> Iterable[str]:
    """The model can be saved and loaded, and computes the same afterwards."""
    yield from _faults(subject, "saving", "loading")


@check(
    "strategy",
    reason="what ships is the file, and it is measured after every step",
    remedy="make the model of layers that the LiteRT converter knows",
)
def can_be_converted(subject: StrategySubject) -> Iterable[str]:
    """The model can be converted, and its file runs and computes what the model does."""
    yield from _faults(subject, "file")


@check(
    "strategy",
    reason="later steps keep what they are told of, and the run fails where a claimed trait is not there",
    remedy="claim in 'plan' only what 'apply' makes on every model that it takes, and keep what earlier steps made",
)
def leaves_the_traits_that_it_plans(subject: StrategySubject) -> Iterable[str]:
    """The file holds the zeros, clusters or integers that `plan` claims, counted as in a run."""
    yield from _faults(subject, "traits")


@check(
    "strategy",
    reason="what `plan` does not name the next step may lose, without anybody noticing",
    remedy="add it in 'plan': state.add('sparse') or state.add('quantized')",
)
def plans_the_traits_that_it_leaves(subject: StrategySubject) -> Iterable[str]:
    """The file holds no zeros and no integers that `plan` does not name."""
    for trial in _done(subject):
        if trial.anatomy is None or not trial.anatomy.kernels:
            continue
        before, traits = trial.earlier[-1].measurement.anatomy, trial.state.traits
        grown = trial.anatomy.sparsity - before.sparsity
        is_float = trial.anatomy.weight_bits >= _FLOAT_BITS
        if "sparse" not in traits and is_float and grown > _UNCLAIMED_ZEROS:
            yield f"{trial.anatomy.sparsity:.0%} of the weights of '{trial.model}' are zero, and 'plan' does not say so"
            return
        if not traits & {"quantized", "quantization_aware"} and trial.anatomy.weight_bits < before.weight_bits:
            yield f"the weights of '{trial.model}' are quantized, and 'plan' does not say so"
            return


@check(
    "strategy",
    reason="a strategy that says so compares the two, or is called again with the same model",
    remedy="work on a copy, or leave 'in_place' at True",
)
def leaves_its_input_alone(subject: StrategySubject) -> Iterable[str]:
    """The model that it is given stays as it was, if the class says `in_place = False`."""
    if subject.cls.in_place:
        raise NotRun("it does not claim to: 'in_place' is True")
    for trial in _done(subject):
        if trial.watched.changed_input:
            yield f"the weights of the model '{trial.model}' that it was given have changed"
            return


def _done(subject: StrategySubject) -> list[Any]:
    """The trials in which the strategy returned a model.

    Raises:
        NotRun: there is none.
    """
    trials = [trial for trial in subject.trials() if trial.is_done]
    if not trials:
        raise NotRun("it could be applied to no model of the kit")
    return trials


def _faults(subject: StrategySubject, *concerns: str) -> Iterator[str]:
    """What is wrong with the kit's models after the strategy, each fault with the models that have it."""
    trials = subject.trials()
    if all(trial.faults.keys() & {"refused", "crashed"} for trial in trials):
        raise NotRun("it could be applied to no model of the kit")
    found: dict[str, list[str]] = {}
    for trial in trials:
        for concern in concerns:
            if concern in trial.faults:
                found.setdefault(trial.faults[concern], []).append(trial.model)
    texts = list(found.items())
    for text, models in texts[:3]:
        yield f"on {listing(models, most=3)}: {text}"
    if len(texts) > 3:
        yield f"and other faults on {listing([model for _, models in texts[3:] for model in models], most=3)}"
