"""Parameters refuse what they do not know, and take no value for another."""

import pytest
from pydantic import ValidationError

from compressor.base.params import Params
from compressor.contracts.layer_targets import LayerTargets, value_for
from compressor.planning.registry import Registry
from compressor.recipe.training_params import EarlyStopping, TrainingParams

LAYERS = [("conv", "Conv2D"), ("block_1", "Functional"), ("block_1/conv", "Conv2D"), ("dense", "Dense")]


def faults(params, **values):
    with pytest.raises(ValidationError) as caught:
        params(**values)
    return [(error["loc"], error["type"]) for error in caught.value.errors()]


@pytest.mark.parametrize(
    ("values", "where", "kind"),
    [
        ({"epoch": 3}, ("epoch",), "extra_forbidden"),
        ({"epochs": "3"}, ("epochs",), "int_type"),
        ({"epochs": 3.0}, ("epochs",), "int_type"),
        ({"epochs": True}, ("epochs",), "int_type"),
        ({"epochs": 0}, ("epochs",), "greater_than_equal"),
        ({"epochs": 10_001}, ("epochs",), "less_than_equal"),
        ({"learning_rate": 0.0}, ("learning_rate",), "greater_than"),
        ({"learning_rate": float("inf")}, ("learning_rate",), "finite_number"),
        ({"learning_rate": float("nan")}, ("learning_rate",), "finite_number"),
        ({"batch_size": 65_537}, ("batch_size",), "less_than_equal"),
        ({"loss": ""}, ("loss", "for all outputs"), "string_too_short"),
        ({"optimizer": "Adam"}, ("optimizer",), "literal_error"),
        ({"early_stopping": {"patience": 0}}, ("early_stopping", "patience"), "greater_than_equal"),
        ({"early_stopping": {"min_delta": -1}}, ("early_stopping", "min_delta"), "greater_than_equal"),
    ],
)
def test_a_value_that_is_not_as_written_in_the_contract_is_refused(values, where, kind):
    assert faults(TrainingParams, **values) == [(where, kind)]


def test_early_stopping_waits_two_epochs_unless_told_otherwise():
    assert EarlyStopping().model_dump() == {"patience": 2, "min_delta": 0.0}


def test_parameters_cannot_be_changed():
    given = TrainingParams()
    with pytest.raises(ValidationError) as caught:
        given.epochs = 5
    assert caught.value.errors()[0]["type"] == "frozen_instance"
    assert given.epochs == 3


def test_a_default_is_held_to_its_own_type():
    class Wrong(Params):
        size: int = "big"

    assert faults(Wrong) == [(("size",), "int_type")]


@pytest.mark.parametrize(
    ("targets", "selected"),
    [
        ({}, ["conv", "block_1", "block_1/conv", "dense"]),
        ({"layers": ["conv"]}, ["conv"]),
        ({"layers": ["block_*/conv*", "dense"]}, ["block_1/conv", "dense"]),
        ({"layers": ["type:Conv2D"]}, ["conv", "block_1/conv"]),
        ({"layers": ["type:*Conv*"]}, ["conv", "block_1/conv"]),
        ({"except": ["type:Conv2D"]}, ["block_1", "dense"]),
        ({"layers": ["type:Conv2D"], "except": ["block_1/*"]}, ["conv"]),
        ({"layers": ["Conv"]}, []),
    ],
)
def test_layers_are_chosen_by_name_glob_or_type_less_the_exceptions(targets, selected):
    chosen = LayerTargets(**targets)
    assert [name for name, kind in LAYERS if chosen.selects(name, kind)] == selected


def test_patterns_that_match_no_layer_are_found_with_their_place():
    targets = LayerTargets(**{"layers": ["conv", "denze"], "except": ["type:LSTM", "dense"]})
    assert targets.unmatched(LAYERS) == [(("layers", 1), "denze"), (("except", 0), "type:LSTM")]


def test_a_mapping_of_patterns_is_held_against_the_layers_too_and_its_last_match_counts():
    class Own(LayerTargets):
        by_layer = ("sparsity",)
        sparsity: dict[str, float]

    targets = Own(sparsity={"*": 0.5, "type:Conv2D": 0.6, "convv": 0.7})
    assert targets.unmatched(LAYERS) == [(("sparsity", "convv"), "convv")]
    assert [value_for(targets.sparsity, *layer) for layer in LAYERS] == [0.6, 0.5, 0.6, 0.5]
    assert value_for({"type:LSTM": 1}, "conv", "Conv2D") is None


def test_patterns_of_layers_that_a_step_cannot_work_on_are_idle_and_those_left_out_are_not():
    targets = LayerTargets(**{"layers": ["type:Conv2D", "dense"], "except": ["block_1"]})
    assert targets.idle([("conv", "Conv2D")]) == ["dense"]
    assert LayerTargets().idle([("conv", "Conv2D")]) == []


def test_exceptions_can_be_given_from_python():
    assert LayerTargets(except_=["dense"]) == LayerTargets(**{"except": ["dense"]})


def test_a_list_of_no_layers_is_refused():
    assert faults(LayerTargets, layers=[]) == [(("layers",), "too_short")]


def test_every_parameter_of_every_first_party_plugin_is_described(registry):
    undescribed = [
        f"{kind} {name}: {field}"
        for kind in ("strategy", "data set", "model")
        for name in registry.names(kind)
        for field, info in registry.get(kind, name).cls.Params.model_fields.items()
        if not info.description
    ]
    assert undescribed == []


@pytest.mark.parametrize("name", Registry.installed().names("strategy"))
def test_the_numbers_among_a_strategy_s_parameters_are_bounded(name, registry):
    schema = registry.get("strategy", name).cls.Params.model_json_schema()
    bounds = {"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"}
    numbers = {key: field for key, field in schema["properties"].items() if field.get("type") in ("integer", "number")}
    assert [key for key, field in numbers.items() if not bounds & field.keys()] == []
