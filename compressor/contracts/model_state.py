"""The state of a model as the planner tracks it: its format and its traits."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from compressor.base.types import Format

Trait: TypeAlias = Literal["sparse", "clustered", "quantization_aware", "quantized"]

FORMAT_NAMES: dict[Format, str] = {
    "keras": "a Keras model",
    "litert": "a LiteRT model",
    "package": "a packed LiteRT model",
}
TRAIT_NAMES: dict[Trait, str] = {
    "sparse": "zeros to keep",
    "clustered": "clustered weights",
    "quantization_aware": "fake quantization in its layers",
    "quantized": "quantized weights",
}


class Refusal(Exception):  # noqa: N818 - the planner turns it into an error with a place in the recipe
    """Raised by `Strategy.plan` when the step cannot take a model: wrong format, unwanted or missing trait, or other.

    The planner adds the remedy for a format or a trait; a reason of the strategy's own must end in what to do.
    """

    def __init__(self, reason: str, *, format: Format | None = None, trait: Trait | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.format = format
        self.trait = trait


@dataclass(frozen=True, slots=True)
class ModelState:
    """A model's format and traits, before or after a step.

    `trained_for` is the precision that quantization-aware training prepared the model for: `int8`, `int4`, `int16x8`.
    `dropped` are the traits that the step gave up, each with the reason.
    """

    format: Format = "keras"
    traits: frozenset[Trait] = frozenset()
    trained_for: str = ""
    dropped: tuple[tuple[Trait, str], ...] = field(default=(), compare=False)

    def require(
        self, *, format: Format | None = None, has: Trait | None = None, lacks: Trait | None = None
    ) -> ModelState:
        """Return this state unchanged if it has the format and traits asked for.

        Raises:
            Refusal: it has not.
        """
        if format is not None and self.format != format:
            raise Refusal(f"needs {FORMAT_NAMES[format]}", format=format)
        if has is not None and has not in self.traits:
            raise Refusal(f"needs a model with {TRAIT_NAMES[has]}", trait=has)
        if lacks is not None and lacks in self.traits:
            raise Refusal(f"cannot work on a model with {TRAIT_NAMES[lacks]}", trait=lacks)
        return self

    def add(self, *traits: Trait) -> ModelState:
        """Return the state with these traits added.

        Raises:
            ValueError: there is no such trait.
        """
        for trait in traits:
            _refuse_unknown(trait)
        return replace(self, traits=self.traits | set(traits))

    def drop(self, trait: Trait, *, reason: str) -> ModelState:
        """Return the state without a trait, which the step does not keep. The report gives the reason.

        A trait that the model does not have may be dropped as well.

        Raises:
            ValueError: there is no such trait, or no reason.
        """
        _refuse_unknown(trait)
        if not isinstance(reason, str) or not reason.strip():
            raise ValueError(f"'drop' gives no reason for giving up {trait!r}")
        if trait not in self.traits:
            return self
        return replace(self, traits=self.traits - {trait}, dropped=(*self.dropped, (trait, reason)))

    def to(self, format: Format) -> ModelState:
        """Return the state in another format. Converting to LiteRT turns fake quantization into real quantization.

        Raises:
            ValueError: there is no such format.
        """
        if format not in FORMAT_NAMES:
            raise ValueError(f"there is no format {format!r}; known: {', '.join(FORMAT_NAMES)}")
        traits = self.traits
        if format != "keras" and "quantization_aware" in traits:
            traits = (traits - {"quantization_aware"}) | {"quantized"}
        return replace(self, format=format, traits=traits, trained_for=self.trained_for if format == "keras" else "")

    def __str__(self) -> str:
        trained = [f"trained for {self.trained_for}"] if self.trained_for not in ("", "int8") else []
        return ", ".join([self.format, *sorted(self.traits), *trained])


def _refuse_unknown(trait: str) -> None:
    if trait not in TRAIT_NAMES:
        raise ValueError(f"there is no trait {trait!r}; known: {', '.join(TRAIT_NAMES)}")
