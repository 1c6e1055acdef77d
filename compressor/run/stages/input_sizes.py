"""Builds the model that a run starts from for inputs of one size, where it leaves sizes open."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from compressor.base.errors import ModelError
from compressor.base.named_arrays import by_name
from compressor.contracts.execution_plan import Plan
from compressor.data.prepared_splits import RunData
from compressor.measure.input_checks import check_inputs
from compressor.models.files.custom_objects import known_objects
from compressor.models.files.fixed_sizes import Sizes, chosen_sizes, input_sizes, leaves_open, resized, text_of
from compressor.models.files.loading import Built
from compressor.run.stages.saved_model import describe_origin

KEY = "model.input_shape"


@dataclass(frozen=True)
class Sized:
    """A model whose inputs have fixed sizes.

    `was_open` are the shapes of a sample by input before, with None for sizes that were open, where some were.
    `by_data` tells that the data decided these.
    """

    built: Built
    was_open: Mapping[str, Sizes] = field(default_factory=dict)
    by_data: bool = False


def with_fixed_sizes(built: Built, plan: Plan, data: Callable[[], RunData]) -> Sized:
    """The model, built for the sizes that the recipe gives, or else the data has, where it leaves any open.

    Raises:
        ModelError: it cannot be built for them, or the recipe gives others than it has.
        DataError: the data does not fit it.
    """
    given, who = plan.recipe.model.input_shape, describe_origin(plan, ())
    if isinstance(built.model, bytes):
        if given is not None:
            raise ModelError(f"{who} is a LiteRT file, whose sizes stay as they are", f"remove '{KEY}'")
        return Sized(built)
    before = input_sizes(built.model)
    sizes = before if given is None else chosen_sizes(given, before, who, f"'{KEY}'")
    if not leaves_open(before):
        return Sized(built)
    if given is None:
        sizes = _sizes_in(data(), before)
    objects = plan.recipe.model.custom_objects
    known = known_objects(objects) if objects else None
    model = resized(built.model, sizes, who, known, plan.trust_model)
    origin = f"as '{KEY}' says" if given is not None else "as the data has it"
    notes = [
        f"the input '{name}' is built for {text_of(sizes[name])}, {origin}"
        for name, shape in before.items()
        if None in shape
    ]
    return Sized(replace(built, model=model, notes=(*built.notes, *notes)), before, given is None)


def _sizes_in(data: RunData, wanted: Mapping[str, Sizes]) -> dict[str, Sizes]:
    """The shapes of a sample by the names of the inputs."""
    sample, _ = data.train.read(range(1))
    check_inputs("training", sample, wanted)
    arrays = by_name(sample, next(iter(wanted)))
    return {name: arrays[name].shape[1:] for name in wanted}
