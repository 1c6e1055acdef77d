"""Fine-tuning for a teacher's sake."""

from __future__ import annotations

from pydantic import Field

import compressor
from compressor import Model, ModelState, StepContext, Strategy, Teacher
from compressor.contracts.param_fields import or_text
from compressor_plugins.shared.kept_structure import kept


class Distill(Strategy):
    """Fine-tune the model to give what a teacher gives: its outputs, softened, and those of layers within it.

    Hinton, Vinyals & Dean 2015, "Distilling the Knowledge in a Neural Network" (arXiv 1503.02531); hints of Romero et
    al. 2015, "FitNets: Hints for Thin Deep Nets" (arXiv 1412.6550), through a projection that is trained beside the
    model and dropped after it. Zeros and clusters that earlier steps made are kept, and so is fake quantization.
    """

    name = "distill"

    class Params(compressor.TrainingParams):
        """Whom to learn from, and how to train. Every other step that trains takes a teacher too."""

        epochs: int = Field(3, ge=1, le=10_000, description="passes over the training split")
        teacher: Teacher = Field(
            Teacher(source="baseline"),
            description="the trained model to learn from, beside the labels",
            json_schema_extra=or_text,
        )

    def plan(self, state: ModelState) -> ModelState:
        """A Keras model stays as it is."""
        return state.require(format="keras")

    def apply(self, model: Model, context: StepContext) -> Model:
        """The trained model."""
        context.fit(model, self.params, kept(model, context.state))
        return model
