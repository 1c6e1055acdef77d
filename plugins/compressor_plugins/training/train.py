"""Plain training: how a model that comes untrained becomes the baseline, and a fine-tuning step anywhere else."""

from __future__ import annotations

from pydantic import Field

import compressor
from compressor import Model, ModelState, StepContext, Strategy


class Train(Strategy):
    """Train the model, or fine-tune it."""

    name = "train"

    class Params(compressor.TrainingParams):
        """How to train."""

        epochs: int = Field(10, ge=1, le=10_000, description="passes over the training split")

    def plan(self, state: ModelState) -> ModelState:
        """A Keras model stays as it is; one with zeros to keep would lose them."""
        return state.require(format="keras", lacks="sparse").require(lacks="clustered")

    def apply(self, model: Model, context: StepContext) -> Model:
        """The trained model."""
        context.fit(model, self.params)
        return model
