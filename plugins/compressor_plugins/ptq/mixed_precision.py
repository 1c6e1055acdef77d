"""Chooses the bits of each layer by how much accuracy it loses at lower precision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator, Field, model_validator

import compressor
from compressor import Arrays, Model, ModelState, StepContext, StepError
from compressor.contracts.layer_sensitivity import LayerSensitivity, Rounding, SensitivityStrategy, WeightType
from compressor.contracts.param_fields import Search, format_size, parse_size
from compressor_plugins.ptq.bit_allocation import Choice, error_of, least_bytes, least_error
from compressor_plugins.ptq.ptq import PTQ
from compressor_plugins.ptq.remarks import IO
from compressor_plugins.shared.precision import ActivationType

if TYPE_CHECKING:
    from compressor_plugins.ptq.weighted_operators import WeightedOperator

_BISECTIONS = 7  # of the interval that the largest error to allow lies in
_TRIES = 4  # with ever smaller budgets for the weights, until the whole file fits


class MixedPrecision(SensitivityStrategy):
    """Choose the precision of each layer within a budget of bytes or of accuracy, then quantize.

    It measures for each layer and type how much the outputs change when that layer alone is rounded. An integer program
    then chooses the types (after Dong et al. 2019, arXiv 1905.03696, and Hubara et al. 2020, arXiv 2006.10518), and
    `ptq` makes the file with them as `per_layer`. Only training samples and the validation split are used.
    """

    name = "mixed_precision"
    scores = True
    changes_endpoints = ("types",)

    class Params(compressor.Params):
        """The budget, the types to choose from, and how layers compute."""

        max_size: Annotated[int, Field(ge=1), BeforeValidator(parse_size, json_schema_input_type=int | str)] | None = (
            Field(None, description="largest file, in bytes or as `25 kB`; the one with the least error is made")
        )
        max_drop: Annotated[float | None, Search.between(0.001, 0.02, log=True)] = Field(
            None,
            ge=0,
            description="largest drop of the first metric on the validation split; the smallest file within it is made",
        )
        types: list[WeightType] = Field(
            ["int8", "int4", "int2"], min_length=2, description="types of weights to pick from"
        )
        algorithm: Rounding = Field("octav", description="how weights are rounded, as in ptq")
        activations: ActivationType = Field("float32", description="what layers compute with, as in ptq")
        io: IO = Field("float32", description="dtype of the file's inputs and outputs")
        samples: int = Field(128, ge=1, le=10_000, description="training samples on which errors are measured")
        calibration_samples: int = Field(
            300, ge=1, le=100_000, description="training samples on which the ranges of activations are measured"
        )

        @model_validator(mode="after")
        def _fits(self) -> MixedPrecision.Params:
            if (self.max_size is None) == (self.max_drop is None):
                raise ValueError("give exactly one of max_size and max_drop")
            self.ptq({})
            return self

        def ptq(self, choice: Choice) -> PTQ:
            """The `ptq` step that makes the file for a choice of types."""
            return PTQ(
                PTQ.Params(
                    precision="int8",
                    activations=self.activations,
                    algorithm=self.algorithm,
                    io=self.io,
                    per_layer=choice,
                    calibration_samples=self.calibration_samples,
                )
            )

    def plan(self, state: ModelState) -> ModelState:
        """Takes a Keras model or a float LiteRT file, and makes a quantized LiteRT file."""
        step: PTQ = self.params.ptq({"*": "int8"})
        return step.plan(state.require(lacks="quantization_aware"))

    def apply(self, model: Model, context: StepContext) -> Model:
        """The bytes of the `.tflite` file."""
        from compressor_plugins.ptq.sensitivity import sensitivities

        params = self.params
        content, operators = _float_file(model)
        samples = list(context.calibration(params.samples))
        table = sensitivities(content, operators, params.types, params.algorithm, samples)
        for layer in table:
            context.note(_sensitivity_note(layer))
        if params.max_size is not None:
            choice, made = self._within(params.max_size, table, len(content), model, context)
        else:
            choice, made = self._losing(params.max_drop, table, content, model, context)
        picked = ", ".join(f"{layer.layer} {choice[layer.layer]}" for layer in table)
        context.note(f"picked {picked}; the outputs are expected to change by {error_of(table, choice):.1%}")
        return made

    @classmethod
    def sensitivity(
        cls, model: Model, samples: Sequence[Arrays], types: Sequence[WeightType], rounding: Rounding
    ) -> Sequence[LayerSensitivity]:
        """The table that `apply` picks by."""
        from compressor_plugins.ptq.sensitivity import sensitivities

        content, operators = _float_file(model)
        return sensitivities(content, operators, types, rounding, samples)

    def _made(self, choice: Choice, model: Model, context: StepContext) -> bytes:
        notes, left = list(context.notes), dict(context.left_alone)
        made: bytes = self.params.ptq(choice).apply(model, context)
        new = [note for note in context.notes if note not in notes]
        context.notes[:], context.left_alone = [*notes, *new], left | context.left_alone
        return made

    def _within(
        self, most: int, table: Sequence[LayerSensitivity], float_size: int, model: Model, context: StepContext
    ) -> tuple[Choice, bytes]:
        """The choice with the least error whose file is small enough, and that file."""
        rest = float_size - 4 * sum(layer.weights for layer in table)
        budget = float(most - rest)
        least = 0
        for _ in range(_TRIES):
            choice = least_error(table, budget)
            if choice is None:
                break
            made = self._made(choice, model, context)
            if len(made) <= most:
                return choice, made
            least = len(made)
            budget -= len(made) - most
        needed = least or rest + sum(min(layer.bytes.values()) for layer in table)
        what = f"no choice of types makes a file of at most {format_size(most)}"
        raise StepError(f"{what}; about {format_size(needed)} is needed", "allow more bytes, or types of fewer bits")

    def _losing(
        self, most: float, table: Sequence[LayerSensitivity], content: bytes, model: Model, context: StepContext
    ) -> tuple[Choice, bytes]:
        """The choice with the fewest bytes whose file loses little enough on the validation split, and that file."""
        before, worse = context.validation_score(content), 1 if context.higher_is_better else -1

        def tried(choice: Choice) -> tuple[Choice, bytes] | None:
            made = self._made(choice, model, context)
            return (choice, made) if worse * (before - context.validation_score(made)) <= most else None

        safest = least_error(table, float("inf")) or {}
        best = tried(safest)
        if best is None:
            what = f"every choice of types loses more than {most:g} on the validation split"
            raise StepError(what, "allow more, or put int8 or float32 among the types")
        low, high = error_of(table, safest), _largest_error(table)
        allowed, seen = high, {tuple(safest.items()): True}
        for _ in range(_BISECTIONS):
            choice = least_bytes(table, allowed) or safest
            key = tuple(choice.items())
            if key not in seen:
                found = tried(choice)
                seen[key], best = found is not None, found or best
            low, high = (allowed, high) if seen[key] else (low, allowed)
            allowed = (low + high) / 2
            if low >= high:
                break
        return best


def _float_file(model: Model) -> tuple[bytes, Sequence[WeightedOperator]]:
    """The float file of a model, and the operators in it that have weights.

    Raises:
        StepError: there are none.
    """
    from compressor import to_litert
    from compressor_plugins.ptq.weighted_operators import weighted_operators

    keras_model = None if isinstance(model, bytes) else model
    content: bytes = model if keras_model is None else to_litert(keras_model)
    operators = weighted_operators(content, keras_model)
    if not operators:
        raise StepError("the model has no layer whose weights can be quantized", "drop the step")
    return content, operators


def _largest_error(table: Sequence[LayerSensitivity]) -> float:
    """An error so large that it allows every choice."""
    return 1.001 * float(sum(max(layer.errors.values()) ** 2 for layer in table) ** 0.5)


def _sensitivity_note(layer: LayerSensitivity) -> str:
    errors = ", ".join(f"{type_} {error:.2%}" for type_, error in layer.errors.items())
    return f"sensitivity of {layer.layer} ({layer.kind}, {layer.weights:,} weights): {errors}"
