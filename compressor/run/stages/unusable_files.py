"""Blames the step that made a model for a file that cannot be made, read or run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from compressor.base.errors import CompressorError, ModelError, StepError
from compressor.base.types import Model
from compressor.models.files.finite_weights import largest_weight
from compressor.recipe.training_params import TrainingParams
from compressor.run.stages.saved_model import SavedModel, describe_origin

_LARGE = 10.0  # for a weight or a range; where a file fails, a training that diverged may be why
_EXPLODED = 1e6  # in no model that computes anything


@contextmanager
def blamed_on_step(saved: SavedModel, model: Model) -> Iterator[None]:
    """Export and measure a model in a `with` block, and blame its step if that fails.

    Args:
        saved: the model in its file. Where no step made it, errors pass unchanged.
        model: the model.

    Raises:
        StepError: the file cannot be made, read or run, or the step's training diverged.
    """
    try:
        yield
    except CompressorError as error:
        if not saved.steps:
            raise
        maker = describe_origin(saved.plan, saved.steps)
        what = error.what if error.what.startswith(maker) else f"{maker}: {error.what}"
        trains = isinstance(saved.steps[-1].strategy.params, TrainingParams)
        largest, layer = largest_weight(model) if trains and not isinstance(model, bytes) else (0.0, "")
        if largest > _EXPLODED or (largest > _LARGE and isinstance(error, StepError | ModelError)):
            remedy = f"lower the step's learning rate, as weights or ranges of '{layer}' went up to {largest:.3g}"
            raise StepError(what, remedy + ("" if largest > _EXPLODED else f"; or {error.remedy}")) from error
        if isinstance(error, ModelError):
            raise StepError(what, error.remedy) from error
        raise
