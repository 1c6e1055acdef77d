"""Plain training: makes an untrained model the baseline, and fine-tunes it in any later step."""

from __future__ import annotations

from pydantic import Field

import compressor
from compressor import Model, ModelState, StepContext, Strategy
from compressor_plugins.shared.frozen import refuse_all_frozen


class Train(Strategy):
    """Train the model, or fine-tune it."""

    name = "train"

    class Params(compressor.TrainingParams):
        """How to train."""

        epochs: int = Field(10, ge=1, le=10_000, description="passes over the training split")

    def plan(self, state: ModelState) -> ModelState:
        """Takes a Keras model without zeros or clusters, which training would lose, and changes only its weights."""
        return state.require(format="keras", lacks="sparse").require(lacks="clustered")

    def apply(self, model: Model, context: StepContext) -> Model:
        """The trained model."""
        refuse_all_frozen(model, context)
        context.fit(model, self.params)
        return model
