"""What a strategy returns is checked at once, and a fault is told with the step, the plugin and its version."""

import math
import os
import struct

import numpy as np
import pytest

import compressor
from compressor.base.errors import StepError
from compressor.contracts.execution_plan import PlannedStep, Provider
from compressor.contracts.model_state import ModelState
from compressor.models.litert import to_litert
from compressor.models.litert.format.flatbuffer import read_model, write_model
from compressor.recipe.training_params import TrainingParams
from compressor.run.stages.apply_strategy import apply_strategy

WHO = "the step 'odd' (odd, bad-plugin 1.2)"
AUTHOR = "fix its strategy, or report it to its author"
KEEP = "it must keep inputs and outputs, or name what it changes in 'changes_endpoints'"


def step(apply, after="keras", before="keras", **members):
    body = {"name": "odd", "plan": lambda self, state: state, "apply": lambda self, model, context: apply(model)}
    strategy = type("Odd", (compressor.Strategy,), {**body, **members})
    params = strategy.Params(epochs=1) if issubclass(strategy.Params, TrainingParams) else strategy.Params()
    return PlannedStep("odd", strategy(params), Provider("bad-plugin", "1.2"), ModelState(before), ModelState(after))


def net(inputs=(("image", (4, 4)),), outputs=(("digit", 3),), dtype="float32"):
    import tf_keras
    from tf_keras import layers

    ends = [tf_keras.Input(shape, name=name, dtype=dtype) for name, shape in inputs]
    flat = [layers.Flatten()(end if dtype == "float32" else layers.Rescaling(1.0)(end)) for end in ends]
    joined = layers.Concatenate()(flat) if len(flat) > 1 else flat[0]
    hidden = layers.Dense(5, name="hidden")(joined)
    return tf_keras.Model(ends, [layers.Dense(units, name=name)(hidden) for name, units in outputs])


def applied(planned, model, context, again=net):
    return apply_strategy(planned, model, context, again)


def failure(planned, model, context, again=net):
    with pytest.raises(StepError) as error:
        applied(planned, model, context, again)
    assert error.value.exit_code == 4
    return str(error.value)


def with_weight(value):
    def change(model):
        kernel, bias = model.get_layer("hidden").get_weights()
        kernel[1, 1] = value
        model.get_layer("hidden").set_weights([kernel, bias])
        return model

    return change


@pytest.mark.parametrize(("value", "text"), [(math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf")])
def test_weights_that_are_not_finite_fail_the_step(step_context, value, text):
    where = f"{WHO} returned weights that are not finite: 'hidden/kernel:0' of the layer 'hidden' holds {text}; "
    assert failure(step(with_weight(value)), net(), step_context()) == where + AUTHOR
    training = step(with_weight(value), Params=TrainingParams)
    assert failure(training, net(), step_context()) == f"{where}lower its learning rate"


def test_weights_that_were_not_finite_before_are_not_the_steps_fault(step_context):
    model = with_weight(math.nan)(net())
    assert applied(step(lambda model: model), model, step_context(), again=lambda: model) is model


def test_a_rehearsal_leaves_weights_alone(step_context):
    apply_strategy(step(with_weight(math.nan)), net(), step_context())


def in_file(content, change):
    model = read_model(content)
    change(model)
    return write_model(model)


def put_in_first_kernel(value):
    def change(model):
        for tensor in model.subgraphs[0].tensors:
            data = model.buffers[tensor.buffer].data
            if tensor.type == 0 and data is not None and len(tensor.shape) == 2:
                values = np.frombuffer(bytes(data), np.float32).copy()
                values[0] = value
                model.buffers[tensor.buffer].data = np.frombuffer(values.tobytes(), np.uint8)
                return

    return change


@pytest.mark.parametrize(("value", "text"), [(math.nan, "nan"), (math.inf, "inf")])
def test_weights_of_a_file_that_are_not_finite_fail_the_step(step_context, value, text):
    content = to_litert(net())
    broken = in_file(content, put_in_first_kernel(value))
    message = failure(step(lambda _: broken, "litert", "litert"), content, step_context(), lambda: content)
    assert message.startswith(f"{WHO} returned weights that are not finite: the tensor '")
    assert message.endswith(f"' holds {text}; {AUTHOR}")


def test_a_mask_of_minus_infinity_in_a_file_is_no_weight(step_context):
    """An operator that adds it is no layer with weights, and the converter may make it part of a bias."""

    def change(model):
        for tensor in model.subgraphs[0].tensors:
            data = model.buffers[tensor.buffer].data
            if tensor.type == 0 and data is not None and len(tensor.shape) == 1:
                model.buffers[tensor.buffer].data = np.full(tensor.shape[0], -math.inf, np.float32).view(np.uint8)

    model = net()
    model.get_layer("hidden").bias.assign_add(np.arange(5))
    masked = in_file(to_litert(model), change)
    assert struct.pack("<f", -math.inf) in masked
    assert applied(step(lambda _: masked, "litert"), model, step_context()) == masked


def test_scales_that_are_not_finite_fail_the_step(step_context):
    samples = [np.random.default_rng(0).normal(size=(1, 4, 4)).astype(np.float32)]
    content = to_litert(net(), compressor.Conversion("int8", calibration=iter(samples)))

    def change(model):
        for tensor in model.subgraphs[0].tensors:
            if tensor.quantization is not None and tensor.quantization.scale is not None:
                tensor.quantization.scale = np.full(len(tensor.quantization.scale), math.inf, np.float32)
                return

    message = failure(step(lambda _: in_file(content, change), "litert"), net(), step_context())
    assert message.startswith(f"{WHO} returned weights that are not finite: a scale of the tensor '")
    assert message.endswith(f"' is inf; {AUTHOR}")


@pytest.mark.parametrize("junk", [b"", b"junk", b"\0" * 4 + b"TFL3" + b"\xff" * 40])
def test_bytes_that_are_no_file_fail_the_step(step_context, junk):
    message = failure(step(lambda _: junk, "litert"), net(), step_context())
    assert message.startswith(f"{WHO} returned bytes that are no LiteRT file: ")
    assert message.endswith(f"; {AUTHOR}")


TWO = (("image", (4, 4)), ("place", (2,)))


@pytest.mark.parametrize(
    ("before", "after", "difference"),
    [
        ({}, {"inputs": TWO}, "2 inputs in place of 1"),
        ({}, {"outputs": (("digit", 3), ("extra", 1))}, "2 outputs in place of 1"),
        ({}, {"outputs": (("digit", 4),)}, "the output 'digit' of shape (4,) in place of (3,)"),
        ({}, {"inputs": (("image", (16,)),)}, "the input 'image' of shape (16,) in place of (4, 4)"),
        ({}, {"dtype": "uint8"}, "the input 'image' of type uint8 in place of float32"),
        (
            {"inputs": TWO},
            {"inputs": (("image", (4, 4)), ("spot", (2,)))},
            "no input named 'place', but 'image', 'spot'",
        ),
    ],
)
@pytest.mark.parametrize("as_file", [False, True])
def test_other_inputs_and_outputs_fail_the_step(step_context, before, after, difference, as_file):
    returned = net(**after)
    planned = step(lambda _: to_litert(returned), "litert") if as_file else step(lambda _: returned)
    assert failure(planned, net(**before), step_context()) == f"{WHO} returned a model with {difference}; {KEEP}"


@pytest.mark.parametrize(
    ("changes", "after"),
    [
        ("types", {"dtype": "uint8"}),
        ("shapes", {"inputs": (("image", (16,)),), "outputs": (("digit", 9),)}),
        ("names", {"inputs": (("picture", (4, 4)),)}),
    ],
)
def test_what_a_strategy_says_that_it_changes_may_change(step_context, changes, after):
    applied(step(lambda _: net(**after), changes_endpoints=[changes]), net(), step_context())


def test_inputs_in_another_order_and_another_name_of_the_only_output_are_no_change(step_context):
    returned = net(inputs=TWO[::-1], outputs=(("probabilities", 3),))
    applied(step(lambda _: returned), net(inputs=TWO), step_context())


def test_what_a_step_changes_for_the_whole_process_is_put_back_and_told(step_context, tmp_path):
    def apply(model):
        os.chdir(tmp_path)
        os.environ["ODD"] = "1"
        return model

    folder, context = os.getcwd(), step_context()  # noqa: PTH109
    applied(step(apply), net(), context)
    assert os.getcwd() == folder  # noqa: PTH109
    assert "ODD" not in os.environ
    assert context.notes == [f"{WHO} changed the working directory and the environment (ODD), which was put back"]


def test_a_step_that_ends_the_process_fails_by_its_name(step_context):
    assert failure(step(lambda model: os._exit(0)), net(), step_context()) == (
        f"{WHO} failed with SystemExit: it called os._exit(0); "
        "fix it, or report it to its author; --debug shows the traceback"
    )
