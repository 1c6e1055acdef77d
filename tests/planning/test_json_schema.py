"""The JSON Schema for editors says of a recipe what `validate` says."""

import pytest
from fake_distributions import SHAVE, installer
from jsonschema import Draft202012Validator

from compressor.planning.json_schema import recipe_schema
from compressor.planning.planner import check
from compressor.planning.registry import Registry
from compressor.recipe import shipped
from compressor.recipe.document import dump, read
from compressor.recipe.problems import RecipeError


@pytest.fixture(scope="module")
def validator(registry):
    return Draft202012Validator(recipe_schema(registry))


@pytest.fixture
def install(tmp_path, monkeypatch):
    return installer(tmp_path, monkeypatch)


def recipe(**more):
    model = {"source": "mnist_cnn", "train": {"epochs": 1}}
    return {"version": 1, "model": model, "data": {"source": "mnist"}, **more}


def test_it_is_valid_json_schema(registry):
    schema = recipe_schema(registry)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"] == "compressor recipe"


@pytest.mark.parametrize("name", shipped.names())
def test_every_shipped_recipe_is_valid_by_it(name, validator):
    tree = read(shipped.folder() / f"{name}.yaml")
    assert [error.message for error in validator.iter_errors(tree.plain())] == []


ACCEPTED = {
    "the least there can be": recipe(),
    "training switched off": recipe(model={"source": "./mine.keras", "train": None}),
    "a model from a function": recipe(model={"source": "my.models:resnet", "with": {"depth": 20}}),
    "parameters of a registered model": recipe(
        model={"source": "mnist_cnn", "with": {"filters": 3, "input_shape": [28, 28]}, "train": {"epochs": 1}}
    ),
    "a step with parameters": recipe(steps=[{"id": "a", "uses": "prune", "with": {"final_sparsity": 0.9}}]),
    "layers and exceptions": recipe(steps=[{"uses": "prune", "with": {"layers": ["type:Dense"], "except": ["d*"]}}]),
    "training defaults": recipe(training={"batch_size": 32, "early_stopping": {"patience": 5}}),
    "early stopping switched off": recipe(steps=[{"uses": "qat", "with": {"early_stopping": None}}]),
    "sizes in words and in bytes": recipe(constraints={"max_size": "25 kB", "max_gzip_size": 8000}),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_validate_accepts_it_accepts(name, validator, tmp_path):
    (tmp_path / "recipe.yaml").write_text(dump(ACCEPTED[name]))
    check(tmp_path / "recipe.yaml")
    assert [error.message for error in validator.iter_errors(ACCEPTED[name])] == []


REFUSED = {
    "no version": {"model": {"source": "mnist_cnn", "train": {}}, "data": {"source": "mnist"}},
    "a version to come": recipe(version=2),
    "no data": {"version": 1, "model": {"source": "mnist_cnn", "train": {}}},
    "a model without a source": recipe(model={"train": {"epochs": 1}}),
    "an unknown key": recipe(colour="red"),
    "an unknown key of a step": recipe(steps=[{"uses": "prune", "params": {}}]),
    "an unknown strategy": recipe(steps=[{"uses": "prun"}]),
    "a step without a strategy": recipe(steps=[{"id": "prune"}]),
    "an unknown parameter of a strategy": recipe(steps=[{"uses": "prune", "with": {"sparsity": 0.5}}]),
    "another strategy's parameter": recipe(steps=[{"uses": "ptq", "with": {"final_sparsity": 0.5}}]),
    "a value out of range": recipe(steps=[{"uses": "prune", "with": {"final_sparsity": 1}}]),
    "text for a number": recipe(steps=[{"uses": "prune", "with": {"epochs": "4"}}]),
    "an unknown choice": recipe(steps=[{"uses": "ptq", "with": {"precision": "int9"}}]),
    "an unknown parameter of a model": recipe(model={"source": "mnist_cnn", "with": {"filter": 3}, "train": {}}),
    "an unknown parameter of training": recipe(model={"source": "mnist_cnn", "train": {"epoch": 3}}),
    "an unknown parameter of a data set": recipe(data={"source": "mnist", "with": {"size": 3}}),
    "a bad training default": recipe(training={"batch_size": 0}),
    "a bad inner value": recipe(training={"early_stopping": {"patience": 0}}),
    "a bad name": recipe(name="my recipe"),
    "a share above one": recipe(constraints={"max_accuracy_drop": 2}),
}


BEYOND_SCHEMA = {  # what depends on the order, on files, on other values or on what is installed
    "an impossible order": recipe(steps=[{"uses": "ptq"}, {"uses": "qat"}]),
    "one id for two steps": recipe(steps=[{"id": "a", "uses": "prune"}, {"id": "a", "uses": "qat"}]),
    "an untrained model": recipe(model={"source": "mnist_cnn"}),
    "a recipe to extend that is not there": {"extends": "gone.yaml"},
    "a plugin file that is not there": recipe(plugins=["./gone.py"]),
    "a function in a file that is not there": recipe(model={"source": "./gone.py:make"}),
    "a requirement that is not met": recipe(requires={"no-such-plugin": ">=1"}),
    "a range of versions that is none": recipe(requires={"numpy": "1.2"}),
    "a teacher that is not there": recipe(steps=[{"uses": "distill", "with": {"teacher": "./gone.keras"}}]),
    "an unknown data set": recipe(data={"source": "mnits"}),
    "an unknown model": recipe(model={"source": "mnist_cn"}),
    "an unknown metric": recipe(evaluation={"metrics": ["acuracy"]}),
    "a metric twice": recipe(evaluation={"metrics": ["accuracy", "accuracy"]}),
    "two parameters that exclude each other": recipe(
        steps=[{"uses": "prune", "with": {"pattern": "2:4", "initial_sparsity": 0.5}}]
    ),
    "a variable that is not set": recipe(data={"source": "${NO_SUCH_VARIABLE}/a.npz"}),
}


def test_each_catches_what_it_can_of_the_broken_recipes(validator, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("NO_SUCH_VARIABLE", raising=False)
    broken = {**REFUSED, **BEYOND_SCHEMA}
    by_validate, by_schema = set(), set()
    for name, data in broken.items():
        (tmp_path / "recipe.yaml").write_text(dump(data))
        try:
            check(tmp_path / "recipe.yaml")
        except RecipeError:
            by_validate.add(name)
        if not validator.is_valid(data):
            by_schema.add(name)
    with capsys.disabled():
        print(f"\nof {len(broken)} broken recipes, validate catches {len(by_validate)}, the schema {len(by_schema)}")
    assert broken.keys() - by_validate == set()
    assert by_schema == REFUSED.keys()


def test_keys_that_begin_with_x_are_welcome_at_every_level(validator):
    data = recipe(steps=[{"uses": "prune", "with": {"x-a": 1}, "x-b": 2}], constraints={"x-c": 3}) | {"x-d": 4}
    data["model"]["x-e"] = data["model"]["train"]["x-f"] = 5
    assert [error.message for error in validator.iter_errors(data)] == []
    assert not validator.is_valid(recipe(x_a=1))


def test_it_says_what_each_strategy_does(registry):
    uses = recipe_schema(registry)["$defs"]["StepSection"]["properties"]["uses"]
    described = {entry["const"]: entry["description"] for entry in uses["anyOf"] if "const" in entry}
    assert list(described) == registry.names("strategy")
    assert described["prune"] == registry.get("strategy", "prune").summary


@pytest.mark.parametrize("name", REFUSED)
def test_what_validate_refuses_it_refuses(name, validator, tmp_path):
    (tmp_path / "recipe.yaml").write_text(dump(REFUSED[name]))
    with pytest.raises(RecipeError):
        check(tmp_path / "recipe.yaml")
    assert not validator.is_valid(REFUSED[name])


def test_a_recipe_that_extends_another_may_leave_out_what_that_one_has(validator):
    assert validator.is_valid({"extends": "prune_qat", "model": {"train": {"epochs": 2}}})
    assert not validator.is_valid({"extends": "prune_qat", "model": {"train": {"epochs": 0}}})


def test_a_recipe_with_plugin_files_may_use_strategies_that_are_not_installed(validator):
    assert validator.is_valid(recipe(plugins=["./mine.py"], steps=[{"uses": "mine", "with": {"amount": 1}}]))
    assert not validator.is_valid(recipe(plugins=["./mine.py"], steps=[{"uses": "ptq", "with": {"amount": 1}}]))


def test_it_says_what_every_key_and_parameter_means(registry):
    definitions = recipe_schema(registry)["$defs"]
    undescribed = [
        f"{name}.{key}"
        for name, definition in definitions.items()
        for key, value in definition.get("properties", {}).items()
        if "description" not in value and "$ref" not in value
    ]
    assert undescribed == []
    assert definitions["StepSection_prune"]["description"] == (
        "How much to prune, where, and how fast. Values left out come from `training:`."
    )


def test_parameters_of_two_plugins_with_inner_models_of_one_name_are_kept_apart(install):
    params = "class Params(compressor.Params):\n        options: Options = Options()"
    code = "class Options(compressor.Params):\n    {0}: int = 1\n\n\nclass Shave"
    for name, key in (("shave", "depth"), ("trim", "width")):
        inner = SHAVE.replace("class Shave", code.format(key)).replace('"shave"', f'"{name}"\n    {params}')
        install(f"acme-{name}", inner)
    registry = Registry.installed()
    assert registry.broken == []
    validator = Draft202012Validator(recipe_schema(registry))
    assert validator.is_valid(recipe(steps=[{"uses": "shave", "with": {"options": {"depth": 2}}}]))
    assert validator.is_valid(recipe(steps=[{"uses": "trim", "with": {"options": {"width": 2}}}]))
    assert not validator.is_valid(recipe(steps=[{"uses": "trim", "with": {"options": {"depth": 2}}}]))


def test_it_is_made_without_the_plugins_that_are_broken(install):
    install("acme", "raise ValueError")
    schema = recipe_schema(Registry.installed())
    assert "StepSection_prune" in schema["$defs"]


def test_parameters_that_json_cannot_say_are_any_object(install):
    params = "class Params(compressor.Params):\n        f: Callable = print"
    code = SHAVE.replace('name = "shave"', f'name = "shave"\n    {params}')
    install("acme", f"from collections.abc import Callable\n{code}")
    schema = recipe_schema(Registry.installed())
    assert schema["$defs"]["StepSection_shave"] == {
        "type": "object",
        "description": "It cannot be described: Cannot generate a JsonSchema for core_schema.CallableSchema.",
    }
