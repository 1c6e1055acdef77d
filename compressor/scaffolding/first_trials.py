"""Lists the trials that `compressor compress` begins with, and finds them in the space that it searches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from compressor.recipe.search_space import Assignment, Space
from compressor.scaffolding.known_model import KnownModel
from compressor.scaffolding.recipe_choices import packed_bytes

INT4: Final = "int4"
RATE: Final = "rate_weight"
RATE_WEIGHTS: Final = (0.003, 0.01, 0.03, 0.06)
SHARES_OF_LIMIT: Final = (1, 0.7, 0.5)  # of a package's limit, that `entropy` is asked for
_LADDER = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9)  # shares of zeros to begin with


@dataclass(frozen=True)
class FirstTrial:
    """A trial that comes before the search chooses: its steps, and values for what is open in them."""

    steps: tuple[str, ...]
    values: Mapping[str, Any] = field(default_factory=dict)


def first_trials(
    model: KnownModel,
    limit: int | None,
    before: Sequence[str],
    precisions: Sequence[str],
    *,
    simulated: bool,
    packs: bool,
    rated: bool,
) -> Iterator[FirstTrial]:
    """Quantization alone, which takes seconds; then what reaches the size by estimate; then the other ways.

    Args:
        model: the model.
        limit: of the package, in bytes.
        before: the steps before quantization that may be taken.
        precisions: the types that may be tried without training, the one to begin with first.
        simulated: whether training can simulate few bits.
        packs: whether packages are what is made.
        rated: whether weights may be chosen by what they cost in a package.
    """
    end = ("slim", "pack") if packs else ("slim",)
    if model.quantized:
        yield FirstTrial(end)
        return
    yield FirstTrial(("ptq", *end), {"precision": precisions[0]})
    if rated:
        yield FirstTrial(("ptq", *end), {"precision": "int8", RATE: RATE_WEIGHTS[-2]})
    trained = ("qat", "ptq") if simulated else ("ptq",)
    zeros = next((share for share in _LADDER if packed_bytes(model, share) <= (limit or 0)), _LADDER[-1])
    values = {"final_sparsity": zeros, "number_of_clusters": 16, "channels": 0.6, "precision": precisions[0]}
    ways: list[tuple[str, ...]] = [(uses,) for uses in before]
    if packs and before:
        for share in SHARES_OF_LIMIT[:2]:
            asked = round(share * (limit or 0))
            yield FirstTrial(("entropy", "ptq", *end), {"max_size": asked, "precision": precisions[0]})
        ways = [("prune",), ("prune", "cluster")]
    for way in ways[:1]:
        yield FirstTrial((*way, *trained, *end), values)
    if INT4 in precisions:
        yield FirstTrial(("ptq", *end), {"precision": "int4"})
    for way in ways[1:]:
        yield FirstTrial((*way, *trained, *end), values)
    if simulated:
        yield FirstTrial(("qat", "ptq", *end), {"weights": INT4 if INT4 in precisions else "int8"})
    if before and not packs and simulated and INT4 in precisions:
        yield FirstTrial((before[0], "qat", "ptq", *end), {**values, "weights": INT4})


def assignment_of(trial: FirstTrial, space: Space) -> Assignment | None:
    """The choices that lead to a trial; None if the space has no such recipe."""
    for structure in space.every_structure():
        choices = space.open_in(structure)
        ends = {choice.name: choice.search.ends[0] for choice in choices}
        values = {name: trial.values.get(name.rpartition(".")[2], end) for name, end in ends.items()}
        steps = space.drawn({**structure, **values}).plain()["steps"]
        weights = {step.get("with", {}).get("weights", "int8") for step in steps if step["uses"] == "qat"}
        alike = weights <= {trial.values.get("weights", "int8")}
        rated = any(RATE in step.get("with", {}) for step in steps)
        if tuple(step["uses"] for step in steps) == trial.steps and alike and rated == (RATE in trial.values):
            return {**structure, **values}
    return None
