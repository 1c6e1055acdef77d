"""Knowledge distillation: fine-tuning that follows a teacher."""

from __future__ import annotations

from pydantic import Field

import compressor
from compressor import Model, ModelState, StepContext, Strategy, Teacher
from compressor.contracts.param_fields import or_text
from compressor_plugins.shared.frozen import refuse_all_frozen


class Distill(Strategy):
    """Fine-tune the model to match a teacher: its softened outputs and, with hints, the outputs of inner layers.

    Hinton, Vinyals & Dean 2015, "Distilling the Knowledge in a Neural Network" (arXiv 1503.02531). Hints follow
    Romero et al. 2015, "FitNets: Hints for Thin Deep Nets" (arXiv 1412.6550), through a projection that is trained with
    the model and then dropped. Zeros, clusters and fake quantization that earlier steps made are kept.
    """

    name = "distill"

    class Params(compressor.TrainingParams):
        """The teacher, and how to train. Every other step that trains takes a teacher too."""

        epochs: int = Field(3, ge=1, le=10_000, description="passes over the training split")
        teacher: Teacher = Field(
            Teacher(source="baseline"),
            description="the trained model to learn from, in addition to the labels",
            json_schema_extra=or_text,
        )

    def plan(self, state: ModelState) -> ModelState:
        """Takes a Keras model, and changes only its weights."""
        return state.require(format="keras")

    def apply(self, model: Model, context: StepContext) -> Model:
        """The trained model."""
        refuse_all_frozen(model, context)
        context.fit(model, self.params, context.kept_structure(model))
        return model
