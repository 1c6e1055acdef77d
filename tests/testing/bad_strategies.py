"""Strategies that misbehave, each in one way, with the checks that have to find it."""

import os
import random
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

import compressor

EXPECTED: dict[str, set[str]] = {}


def fails(*checks):
    """Note the checks that a class has to fail; no other may."""

    def note(cls):
        EXPECTED[cls.__name__] = set(checks)
        return cls

    return note


class Good(compressor.Strategy):
    """Leave the model as it is."""

    name = "good"

    def plan(self, state):
        return state.require(format="keras")

    def apply(self, model, context):
        return model


class GoodTraining(compressor.Strategy):
    """Train on."""

    name = "good_training"
    Params = compressor.TrainingParams

    def plan(self, state):
        return state.require(format="keras")

    def apply(self, model, context):
        if not model.trainable_variables:
            raise compressor.StepError("there is nothing to train", "unfreeze a layer")
        context.fit(model, self.params, [*context.kept_structure(model), *self.callbacks()])
        return model

    def callbacks(self):
        return []


def changed(model, change):
    """The model with other kernels."""
    model.set_weights([change(weights) if weights.ndim > 1 else weights for weights in model.get_weights()])
    return model


# ---- what a class declares


@fails("meets_the_contract")
class NoStrategy:
    """It has the name and the methods, and no base class."""

    name = "no_strategy"

    def plan(self, state):
        return state

    def apply(self, model, context):
        return model


@fails("meets_the_contract")
class NoApply(compressor.Strategy):
    """It can plan only."""

    name = "no_apply"

    def plan(self, state):
        return state


@fails("meets_the_contract")
class NameWithASlash(Good):
    """Its name is no part of a file's name."""

    name = "../good"


@fails("meets_the_contract")
class OtherParams(Good):
    """Its parameters are of pydantic alone."""

    class Params(BaseModel):
        bits: int = 4


@fails("meets_the_contract")
class UnresolvedAnnotation(Good):
    """A parameter has a type that nobody knows."""

    class Params(compressor.Params):
        bits: "Bits" = Field(4, ge=1, description="bits")  # noqa: F821


@fails("has_a_description")
class NoDocstring(Good):
    pass


@fails("declarations_are_valid")
class EndpointsAsText(Good):
    """A text stands for the collection that it should be in."""

    changes_endpoints = "shapes"


@fails("declarations_are_valid")
class DependsOnText(Good):
    """It returns what is no `DependsOn`."""

    def depends_on(self):
        return "LICENCE"


# ---- parameters


@fails("parameters_have_descriptions")
class NoDescription(Good):
    """A parameter says nothing."""

    class Params(compressor.Params):
        fast: bool = False


@fails("numbers_have_bounds")
class NoBounds(Good):
    """A number may be anything."""

    class Params(compressor.Params):
        share: float = Field(0.5, description="share of the weights")


@fails("defaults_are_valid")
class WrongDefault(Good):
    """A default is out of bounds."""

    class Params(compressor.Params):
        bits: int = Field(0, ge=1, description="bits of a weight")


@fails("required_parameters_have_examples")
class NoExample(Good):
    """Nobody knows what to give."""

    class Params(compressor.Params):
        layer: str = Field(description="name of a layer")


@fails("required_parameters_have_examples")
class WrongExample(Good):
    """An example is out of bounds."""

    class Params(compressor.Params):
        bits: int = Field(4, ge=1, le=8, description="bits of a weight", examples=[16])


@fails("unknown_parameters_are_refused")
class ExtraAllowed(Good):
    """Whatever is misspelt is ignored."""

    class Params(compressor.Params):
        model_config = ConfigDict(extra="ignore")

        bits: int = Field(4, ge=1, description="bits of a weight")


@fails("parameters_have_a_schema")
class NoSchema(Good):
    """A parameter is a function."""

    class Params(compressor.Params):
        act: Callable[[int], int] | None = Field(None, description="a function")


@fails("parameters_survive_json")
class GrowingParameter(Good):
    """A value is another one each time that it is read."""

    class Params(compressor.Params):
        model_config = ConfigDict(validate_default=False)

        bits: int = Field(4, ge=1, description="bits of a weight")

        @field_validator("bits")
        @classmethod
        def _twice(cls, value):
            return 2 * value


@fails("defaults_are_valid")
class ForgetsParameters(Good):
    """Its `__init__` keeps nothing."""

    def __init__(self, params):
        pass


# ---- plan


@fails("plan_answers_for_every_state")
class FreshState(Good):
    """It forgets what earlier steps made."""

    def plan(self, state):
        state.require(format="keras", lacks="quantization_aware")
        return compressor.ModelState("keras")


@fails("plan_answers_for_every_state")
class FailsForZeros(Good):
    """It fails on a model with zeros."""

    def plan(self, state):
        return {(): state}[tuple(state.traits & {"sparse"})].require(format="keras")


@fails("plans_some_model")
class RefusesEveryState(Good):
    """It takes no model."""

    def plan(self, state):
        return state.require(format="package").require(format="keras")


@fails("plan_is_pure")
class CountsItsPlans(Good):
    """It remembers how often it was asked."""

    asked = 0

    def plan(self, state):
        self.asked += 1
        return state.require(format="keras")


@fails("plan_is_pure")
class PlansByTheEnvironment(Good):
    """It sets a variable."""

    def plan(self, state):
        os.environ["PLANNED"] = "1"
        return state.require(format="keras")


@fails("plan_imports_nothing_heavy")
class ImportsInPlan(Good):
    """It imports Keras to plan."""

    def plan(self, state):
        import tf_keras  # noqa: F401

        return state.require(format="keras")


@fails("refusals_say_what_to_do")
class MuteRefusal(Good):
    """It refuses without a remedy."""

    def plan(self, state):
        if "sparse" in state.traits:
            raise compressor.Refusal("does not like zeros")
        return state.require(format="keras")


STRUCTURAL = tuple(EXPECTED)
"""Those that are found without TensorFlow."""


# ---- what is returned


@fails("returns_what_it_plans")
class ReturnsNothing(Good):
    """It forgets to return the model."""

    def apply(self, model, context):
        return None


@fails("weights_are_finite")
class LeavesNaN(Good):
    """It divides by zero."""

    def plan(self, state):
        return super().plan(state).drop("sparse", reason="no zero stays").drop("clustered", reason="no value stays")

    def apply(self, model, context):
        return changed(model, lambda weights: weights * float("nan"))


@fails("keeps_inputs_and_outputs")
class OtherOutput(Good):
    """It adds an output."""

    def apply(self, model, context):
        import tf_keras

        return tf_keras.Model(model.inputs, [*model.outputs, model.layers[-2].output])


@fails("works_on_dense", "works_on_one_weight", "refuses_by_errors_of_the_tool")
class NeedsAConvolution(Good):
    """It fails where there is no convolution."""

    def apply(self, model, context):
        next(layer for layer in model._flatten_layers() if "kernel_size" in dir(layer))
        return model


@fails("leaves_the_traits_that_it_plans")
class ClaimsZeros(Good):
    """It makes none of the zeros that it plans."""

    def plan(self, state):
        return super().plan(state).require(lacks="sparse").add("sparse")


@fails("plans_the_traits_that_it_leaves")
class HidesZeros(Good):
    """It says nothing of its zeros."""

    def plan(self, state):
        return super().plan(state).require(lacks="clustered")

    def apply(self, model, context):
        return changed(model, lambda weights: weights * (abs(weights) > abs(weights).mean()))


@fails("keeps_zeros", "keeps_clusters")
class LosesStructure(Good):
    """It gives every weight a shift of its own."""

    def apply(self, model, context):
        import numpy as np

        draw = np.random.default_rng(context.seed)
        return changed(model, lambda weights: weights + draw.uniform(1e-3, 2e-3, weights.shape))


@fails("ignores_global_random_numbers")
class DrawsFromGlobalNumbers(Good):
    """It draws from the random numbers of everybody."""

    def plan(self, state):
        return state.require(format="keras", lacks="sparse").require(lacks="clustered")

    def apply(self, model, context):
        return changed(model, lambda weights: weights + 0.01 * random.random())


@fails("same_seed_gives_same_bytes")
class DrawsAnew(Good):
    """It draws other numbers each time."""

    def plan(self, state):
        return state.require(format="keras", lacks="sparse").require(lacks="clustered")

    def apply(self, model, context):
        shift = random.SystemRandom().random()
        return changed(model, lambda weights: weights + 0.01 * shift)


@fails("leaves_the_process_alone", "prints_nothing")
class LoudAndRude(Good):
    """It prints, and goes to another folder."""

    def apply(self, model, context):
        print("working")
        os.chdir("/")
        os.environ["RUDE"] = "1"
        return model


@fails("leaves_the_process_alone")
class SeedsEverything(Good):
    """It has everybody's random numbers begin anew."""

    def apply(self, model, context):
        import tf_keras

        tf_keras.utils.set_random_seed(1)
        return model


@fails("can_be_saved_and_loaded")
class ForgetfulLayer(Good):
    """It adds a layer that does not say what it was made with."""

    makes_layers = True

    def apply(self, model, context):
        import tf_keras

        return tf_keras.Model(model.inputs, _scaling()(0.5)(model.outputs[0]))

    def custom_objects(self):
        return {"Scaling": _scaling()}


@fails("can_be_saved_and_loaded")
class UnnamedLayer(ForgetfulLayer):
    """It does not name the layer that it adds."""

    def custom_objects(self):
        return {}


def _scaling():
    import tf_keras

    class Scaling(tf_keras.layers.Layer):
        def __init__(self, factor=1.0, **options):
            super().__init__(**options)
            self.factor = factor

        def call(self, inputs):
            return inputs * self.factor

        def get_config(self):
            return super().get_config()

    return Scaling


@fails("leaves_its_input_alone")
class ChangesItsInput(Good):
    """It says that it works on a copy."""

    in_place = False

    def plan(self, state):
        return state.require(format="keras", lacks="clustered")

    def apply(self, model, context):
        return changed(model, lambda weights: weights * 0.5)


@fails("works_on_some_model")
class RefusesEveryModel(Good):
    """It finds nothing to do anywhere."""

    def apply(self, model, context):
        raise compressor.StepError("there is no layer of the kind 'Capsule'", "drop the step")


# ---- training


@fails("trains_by_the_context")
class TrainsByItself(GoodTraining):
    """It calls `fit` of the model, with data of its own."""

    def plan(self, state):
        return (
            state.require(format="keras", lacks="sparse").require(lacks="clustered").require(lacks="quantization_aware")
        )

    def apply(self, model, context):
        import numpy as np

        if model.trainable_variables:
            inputs = [np.ones((2, *tensor.shape[1:]), np.float32) for tensor in model.inputs]
            model.compile("sgd", "mse", run_eagerly=True)
            model.fit(inputs, np.zeros((2, 3)), verbose=0, shuffle=False)
        return model


@fails("callbacks_have_a_state")
class CallbackWithoutState(GoodTraining):
    """Its callback counts, and says nothing of it."""

    def callbacks(self):
        return [_counting(self.params)]


@fails("goes_on_after_a_kill")
class CallbackThatForgets(GoodTraining):
    """Its callback says that it keeps nothing, and shrinks the weights more from step to step."""

    def callbacks(self):
        callback = _counting(self.params)
        callback.stateless = True
        return [callback]


def _counting(params):
    import tf_keras

    class Counting(tf_keras.callbacks.Callback):
        steps = 0

        def on_train_batch_end(self, batch, logs=None):
            self.steps += 1
            for weight in self.model.trainable_variables:
                weight.assign(weight * (1 - 0.001 * self.steps))

    return Counting()


@fails("frozen_layers_stay", "refuses_by_errors_of_the_tool")
class Unfreezes(GoodTraining):
    """It trains every layer."""

    def apply(self, model, context):
        for layer in model._flatten_layers():
            layer.trainable = True
        if not model.trainable_variables:
            raise ValueError("nothing to train")
        return super().apply(model, context)


def strategy(name: str) -> Any:
    """One of them."""
    return globals()[name]
