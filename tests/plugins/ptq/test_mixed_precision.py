"""Mixed precision: each layer gets the bits that a budget leaves it, and those that mind most get the most."""

import itertools

import numpy as np
import pytest
from pydantic import ValidationError

from compressor.base.errors import StepError
from compressor.contracts.layer_sensitivity import LayerSensitivity
from compressor.contracts.model_state import ModelState, Refusal
from compressor.models.litert.reading.contents import dissect
from compressor.models.litert.running.interpreter import LiteRTModel
from compressor_plugins.ptq.bit_allocation import error_of, least_bytes, least_error
from compressor_plugins.ptq.mixed_precision import MixedPrecision
from compressor_plugins.ptq.sensitivity import sensitivities
from compressor_plugins.ptq.weighted_operators import weighted_operators

TYPES = ("int8", "int4", "int2")


@pytest.fixture(scope="module")
def trained_file(tensorflow, digits):
    """The float file of a small network that tells digits apart."""
    import tf_keras
    from tf_keras import layers

    from compressor.contracts.observer import Observer
    from compressor.models.litert.conversion.converter import to_litert
    from compressor.recipe.training_params import TrainingParams
    from compressor.training.trainer import Trainer

    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)
    model = tf_keras.Sequential(
        [
            layers.InputLayer((28, 28)),
            layers.Flatten(),
            layers.Dense(24, activation="relu", name="first"),
            layers.Dense(16, activation="relu", name="second"),
            layers.Dense(10, name="head"),
        ]
    )
    trainer = Trainer("train", digits, 0, Observer(), [], smoke=False)
    trainer.fit(model, TrainingParams(epochs=4, batch_size=50, learning_rate=3e-3), [], 0)
    return to_litert(model)


def table_of(content, context):
    return sensitivities(content, weighted_operators(content), TYPES, "octav", list(context.calibration(64)))


def mixed(content, context, **params):
    return MixedPrecision(MixedPrecision.Params(samples=64, calibration_samples=64, **params)).apply(content, context)


def types_in(content):
    return {tensor.name.split("/")[0]: tensor.dtype for tensor in dissect(content).kernels}


def test_fewer_bits_change_the_outputs_more_and_take_fewer_bytes(trained_file, step_context):
    table = table_of(trained_file, step_context())
    assert [(layer.layer, layer.kind, layer.weights) for layer in table] == [
        ("first", "Dense", 784 * 24),
        ("second", "Dense", 24 * 16),
        ("head", "Dense", 160),
    ]
    for layer in table:
        assert 0 < layer.errors["int8"] < layer.errors["int4"] < layer.errors["int2"]
        assert [layer.bytes[type_] - 4 * {"first": 24, "second": 16, "head": 10}[layer.layer] for type_ in TYPES] == [
            layer.weights, layer.weights // 2, layer.weights // 4,
        ]  # fmt: skip


def test_a_figure_is_what_the_file_with_that_layer_rounded_really_gives(trained_file, step_context):
    from compressor_plugins.ptq.ptq import PTQ

    context = step_context()
    table = {layer.layer: layer for layer in table_of(trained_file, context)}
    per_layer = {"*": "float32", "first": "int4"}
    step = PTQ(PTQ.Params(precision="int4", algorithm="octav", per_layer=per_layer))
    images = np.concatenate(list(context.calibration(64)))
    found, expected = (
        LiteRTModel(content).run(images) for content in (step.apply(trained_file, context), trained_file)
    )
    apart = np.linalg.norm(found - expected) / np.linalg.norm(expected)
    assert table["first"].errors["int4"] == pytest.approx(apart, rel=1e-3)


def test_the_integer_program_picks_what_trying_every_choice_picks():
    generator = np.random.default_rng(0)
    table = [
        LayerSensitivity(
            f"layer{index}",
            "Dense",
            size,
            {"int8": size, "int4": size // 2, "int2": size // 4},
            dict(zip(TYPES, np.sort(generator.random(3) ** 3), strict=True)),
        )
        for index, size in enumerate((4000, 100, 900, 2500))
    ]
    choices = [
        dict(zip([layer.layer for layer in table], types, strict=True)) for types in itertools.product(TYPES, repeat=4)
    ]

    def size(choice):
        return sum(layer.bytes[choice[layer.layer]] for layer in table)

    for budget in (2000, 3000, 4200, 7400):
        best = min((choice for choice in choices if size(choice) <= budget), key=lambda one: error_of(table, one))
        assert least_error(table, budget) == best
    for error in (0.2, 0.4, 0.9):
        allowed = [choice for choice in choices if error_of(table, choice) <= error]
        found = least_bytes(table, error)
        assert (None if found is None else size(found)) == min(map(size, allowed), default=None)
    assert least_error(table, 1000) is None


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        ("25 kB", {"first": "int8", "second": "int8", "head": "int8"}),
        ("13.5 kB", {"first": "int4", "second": "int8", "head": "int8"}),
    ],
)
def test_the_file_is_within_the_budget_and_layers_that_mind_keep_their_bits(trained_file, step_context, most, expected):
    context = step_context()
    content = mixed(trained_file, context, max_size=most)
    assert types_in(content) == expected
    assert len(content) <= float(most.split()[0]) * 1000
    assert context.notes[0].startswith("sensitivity of first (Dense, 18,816 weights): int8 ")
    picked = ", ".join(f"{layer} {type_}" for layer, type_ in expected.items())
    assert context.notes[-1].startswith(f"picked {picked}; the outputs are expected to change by ")


def test_a_budget_that_nothing_fits_names_what_it_takes(trained_file, step_context):
    with pytest.raises(StepError) as error:
        mixed(trained_file, step_context(), max_size=3000)
    assert str(error.value).startswith("no choice of types makes a file of at most 3.0 kB; about ")
    assert str(error.value).endswith(" is needed; allow more bytes, or types of fewer bits")


def test_the_smallest_file_that_loses_little_enough_on_validation_data_is_picked(trained_file, step_context):
    context = step_context()
    before = context.validation_score(trained_file)
    strict = mixed(trained_file, context, max_drop=0.01)
    loose = mixed(trained_file, step_context(), max_drop=0.2)
    assert before - context.validation_score(strict) <= 0.01
    assert before - context.validation_score(loose) <= 0.2
    assert len(loose) <= len(strict) < 0.3 * len(trained_file)
    anything = mixed(trained_file, step_context(), max_drop=1.0)
    assert types_in(anything) == {"first": "int2", "second": "int2", "head": "int2"}


def test_the_validation_split_is_scored_by_the_first_metric(trained_file, step_context, digits):
    images, labels = next(digits.validation.batches(500))
    expected = (LiteRTModel(trained_file).run(images).argmax(1) == labels).mean()
    assert step_context().validation_score(trained_file) == pytest.approx(expected)


def test_it_takes_one_budget():
    for given in ({}, {"max_size": 1000, "max_drop": 0.1}):
        with pytest.raises(ValidationError) as error:
            MixedPrecision.Params(**given)
        assert error.value.errors()[0]["msg"] == "Value error, give exactly one of max_size and max_drop"


@pytest.mark.parametrize("trait", ["quantized", "quantization_aware"])
def test_a_model_that_was_quantized_or_trained_for_it_is_refused(trait):
    with pytest.raises(Refusal) as refusal:
        MixedPrecision(MixedPrecision.Params(max_size=1000)).plan(ModelState().add(trait))
    assert refusal.value.trait == trait


def test_what_scores_depends_on_the_metric(tmp_path):
    from compressor.api import load, plan
    from compressor.run.cache.keys import step_parts

    def parts(uses, given, metric):
        recipe = {
            "version": 1, "name": "scored", "data": {"source": "mnist"},
            "model": {"source": "mnist_cnn", "train": {"epochs": 1}}, "evaluation": {"metrics": [metric]},
            "steps": [{"uses": uses, "with": given}],
        }  # fmt: skip
        found = plan(load(recipe))
        return step_parts(found.steps[-1], "model", [], "data", found)

    one, other = (parts("mixed_precision", {"max_drop": 0.1}, metric) for metric in ("accuracy", "f1"))
    assert one["scored by"] != other["scored by"]
    assert parts("ptq", {}, "accuracy") == parts("ptq", {}, "f1")
