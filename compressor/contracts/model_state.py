"""The state of a model as the planner tracks it: its format and its traits."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    """

    format: Format = "keras"
    traits: frozenset[Trait] = frozenset()
    trained_for: str = ""

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
        """Return the state with these traits added."""
        return replace(self, traits=self.traits | set(traits))

    def to(self, format: Format) -> ModelState:
        """Return the state in another format. Converting to LiteRT turns fake quantization into real quantization."""
        traits = self.traits
        if format != "keras" and "quantization_aware" in traits:
            traits = (traits - {"quantization_aware"}) | {"quantized"}
        return replace(self, format=format, traits=traits, trained_for=self.trained_for if format == "keras" else "")

    def __str__(self) -> str:
        trained = [f"trained for {self.trained_for}"] if self.trained_for not in ("", "int8") else []
        return ", ".join([self.format, *sorted(self.traits), *trained])
