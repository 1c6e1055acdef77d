"""Plugins are found one by one, and one that is broken costs nobody but itself."""

import pickle
import sys
from hashlib import sha256
from importlib.metadata import version

import pytest
from fake_distributions import SHAVE, installer

from compressor.base.errors import PluginError
from compressor.base.text import listing
from compressor.contracts.execution_plan import Provider
from compressor.planning.planner import check, prepare, resolve
from compressor.planning.registry import Registry
from compressor.recipe.load import load
from compressor.recipe.problems import RecipeError

HEAD = "import compressor\nfrom compressor import *\n"
LISTED = "\n@compressor.hookimpl\ndef strategies():\n    return [Broken]\n"
BROKEN = {
    "an import that fails": (
        "import no_such_module",
        "ModuleNotFoundError: No module named 'no_such_module'",
        "fix the plugin, or remove it",
    ),
    "a syntax error": (
        "x = = 1",
        "SyntaxError: invalid syntax (acme.py, line 1)",
        "fix the plugin, or remove it",
    ),
    "an exit": ("raise SystemExit(3)", "SystemExit: 3", "fix the plugin, or remove it"),
    "an exception without words": ("raise ValueError", "ValueError", "fix the plugin, or remove it"),
    "a hook that fails": (
        HEAD + "@compressor.hookimpl\ndef strategies():\n    return 1 / 0\n",
        "ZeroDivisionError: division by zero",
        "fix the plugin, or remove it",
    ),
    "a hook that returns no list": (
        HEAD + "@compressor.hookimpl\ndef datasets():\n    return None\n",
        "its hook 'datasets' returned NoneType",
        "return a list of classes",
    ),
    "a class of another kind": (
        HEAD + "@compressor.hookimpl\ndef metrics():\n    return [int]\n",
        "<class 'int'> is not a subclass of Metric",
        "derive it from that class",
    ),
    "something that is no class": (
        HEAD + "@compressor.hookimpl\ndef models():\n    return ['resnet']\n",
        "'resnet' is not a subclass of ModelSource",
        "derive it from that class",
    ),
    "a misspelt hook": (
        HEAD + "@compressor.hookimpl\ndef strategees():\n    return []\n",
        "there is no hook 'strategees'",
        "did you mean 'strategies'?",
    ),
    "a hook with arguments that do not exist": (
        HEAD + "@compressor.hookimpl\ndef strategies(extra):\n    return []\n",
        "Plugin 'acme' for hook 'strategies' hookimpl definition: strategies(extra) "
        "Argument(s) {'extra'} are declared in the hookimpl but can not be found in the hookspec",
        "compare its hooks with compressor.contracts.hookspecs",
    ),
    "a function that was not marked": (
        HEAD + "def strategies():\n    return []\n",
        "it has no hooks",
        "mark its functions with compressor.hookimpl",
    ),
    "a class without a name": (
        SHAVE.replace('name = "shave"', ""),
        "the strategy Shave has no name",
        "give it a class attribute 'name'",
    ),
    "a class with an empty name": (
        SHAVE.replace('name = "shave"', 'name = ""'),
        "the strategy Shave has no name",
        "give it a class attribute 'name'",
    ),
    **{
        f"a class with the name {shown}": (
            SHAVE.replace('"shave"', repr(name)),
            f"the strategy Shave is named '{shown}', which is no name for a recipe",
            "use at most 64 of the characters a-z, A-Z, 0-9, '_', '-' and '.', a letter first",
        )
        for name, shown in {
            "a/b": "a/b",
            "../../x": "../../x",
            "a\nb": "a\\nb",
            "\x1b[31mred": "\\x1b[31mred",
            "1st": "1st",
            "n:m": "n:m",
            "x" * 300: "x" * 57 + "...",
        }.items()
    },
    "an abstract class": (
        HEAD + "class Broken(Strategy):\n    name = 'broken'" + LISTED,
        "the strategy Broken lacks apply, plan",
        "implement what is missing",
    ),
    "parameters that would take unknown keys in silence": (
        SHAVE.replace(
            'name = "shave"', 'name = "shave"\n    from pydantic import BaseModel\n    class Params(BaseModel): pass'
        ),
        "the Params of the strategy 'shave' are not derived from compressor.Params",
        "derive them from it, so that unknown keys are refused",
    ),
    "parameters that are no class": (
        SHAVE.replace('name = "shave"', 'name = "shave"\n    Params = {"amount": 1}'),
        "the Params of the strategy 'shave' are not derived from compressor.Params",
        "derive them from it, so that unknown keys are refused",
    ),
    "one name twice": (
        SHAVE.replace("[Shave]", "[Shave, Shave]"),
        "its hook 'strategies' brings 'shave' twice",
        "rename one of the two",
    ),
}


@pytest.fixture
def install(tmp_path, monkeypatch):
    return installer(tmp_path, monkeypatch)


def recipe(*steps, **more):
    model = {"source": "mnist_cnn", "train": {"epochs": 1}}
    return {"version": 1, "model": model, "data": {"source": "mnist"}, "steps": [{"uses": s} for s in steps], **more}


def write_recipe(folder, *steps, plugins):
    lines = ["version: 1", f"plugins: [{plugins}]", "model: {source: mnist_cnn, train: {epochs: 1}}"]
    lines += ["data: {source: mnist}", "steps:", *(f"  - uses: {step}" for step in steps)]
    path = folder / "recipe.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


def message_of(plan, *given):
    with pytest.raises(RecipeError) as caught:
        plan(*given)
    return str(caught.value)


def test_the_first_party_plugin_is_found_by_its_entry_point(registry):
    entry = registry.get("strategy", "prune")
    assert entry.cls.__module__ == "compressor_plugins.prune.prune"
    assert str(entry.provider) == f"compressor {version('compressor')}"
    assert entry.summary == "Set the weights of smallest magnitude to zero, gradually during training."
    assert registry.broken == []


def test_a_stranger_s_strategy_stands_beside_the_first_party_ones(install):
    install("acme", SHAVE, "2.1")
    registry = Registry.installed()
    plan = resolve(load(recipe("shave", "prune")), registry)
    assert [(step.uses, str(step.provider)) for step in plan.steps] == [
        ("shave", "acme 2.1"),
        ("prune", f"compressor {version('compressor')}"),
    ]


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_plugin_is_listed_with_its_reason_and_costs_the_others_nothing(fault, install):
    code, reason, remedy = BROKEN[fault]
    install("acme", code)
    install("fine", SHAVE.replace("shave", "trim"))
    registry = Registry.installed()
    (broken,) = registry.broken
    assert (broken.plugin, broken.provider, broken.reason, broken.remedy) == (
        "acme", Provider("acme", "1.0"), reason, remedy,
    )  # fmt: skip
    assert [step.uses for step in resolve(load(recipe("trim", "prune")), registry).steps] == ["trim", "prune"]
    known = listing(registry.names("strategy"))
    assert message_of(resolve, load(recipe("xyzzy")), registry) == (
        f"error: unknown strategy 'xyzzy'; it may be in a broken plugin, acme (acme 1.0): {reason}; known: {known}"
    )


def test_a_broken_plugin_leaves_no_hook_behind(install):
    install("acme", HEAD + "@compressor.hookimpl\ndef run_started(plan): ...\n@compressor.hookimpl\ndef oops(): ...\n")
    registry = Registry.installed()
    assert [item.reason for item in registry.broken] == ["there is no hook 'oops'"]
    assert registry.manager.hook.run_started.get_hookimpls() == []


def test_an_interrupt_while_a_plugin_is_imported_is_an_interrupt(install):
    install("acme", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        Registry.installed()


def test_a_hook_may_go_by_another_name(install):
    install("acme", SHAVE.replace("hookimpl\ndef strategies", "hookimpl(specname='strategies')\ndef mine"))
    registry = Registry.installed()
    assert registry.broken == []
    assert registry.get("strategy", "shave").provider == Provider("acme", "1.0")


def test_two_entry_points_for_one_module_bring_it_once(install, tmp_path):
    install("acme", SHAVE)
    (tmp_path / "site/acme-1.0.dist-info/entry_points.txt").write_text("[compressor]\none = acme\ntwo = acme\n")
    registry = Registry.installed()
    assert registry.get("strategy", "shave").provider == Provider("acme", "1.0")
    (broken,) = registry.broken
    assert (broken.plugin, broken.reason, broken.remedy) == ("two", "it is registered already", "name it once")


def test_two_strategies_of_one_name_are_an_error_for_the_recipe_that_uses_it(install, tmp_path):
    install("acme-one", SHAVE)
    install("acme-two", SHAVE, "2.0")
    registry = Registry.installed()
    assert registry.broken == []
    path = write_recipe(tmp_path, "prune", "shave", plugins="")
    assert message_of(prepare, path, (), registry) == (
        f"{path}:7:11: error: two plugins bring a strategy named 'shave': acme-one 1.0 and acme-two 2.0; "
        "rename or uninstall one of them\n"
        "    7 |   - uses: shave\n"
        "      |           ^^^^^"
    )


def test_two_strategies_of_one_name_do_not_trouble_a_recipe_that_uses_neither(install):
    install("acme-one", SHAVE)
    install("acme-two", SHAVE)
    plan = resolve(load(recipe("prune")), Registry.installed())
    assert [step.id for step in plan.steps] == ["prune"]


def test_a_strategy_that_takes_a_first_party_name_clashes_with_it(install):
    install("acme", SHAVE.replace("shave", "prune"))
    assert message_of(resolve, load(recipe("prune")), Registry.installed()) == (
        "error: two plugins bring a strategy named 'prune': "
        f"acme 1.0 and compressor {version('compressor')}; rename or uninstall one of them"
    )


def test_a_plugin_file_beside_the_recipe_brings_its_strategy(tmp_path, monkeypatch):
    file = tmp_path / "my_strategy.py"
    file.write_text(SHAVE)
    path = write_recipe(tmp_path, "shave", plugins="./my_strategy.py")
    monkeypatch.chdir("/")
    (step,) = prepare(path).steps
    assert step.uses == "shave"
    assert step.provider == Provider(str(file), f"sha256:{sha256(SHAVE.encode()).hexdigest()}")


def test_a_plan_with_a_plugin_file_can_be_pickled(tmp_path):
    (tmp_path / "my_strategy.py").write_text(SHAVE)
    plan = prepare(write_recipe(tmp_path, "shave", plugins="./my_strategy.py"))
    assert pickle.loads(pickle.dumps(plan)).steps[0].provider == plan.steps[0].provider


def test_a_plugin_file_that_was_changed_is_read_anew(tmp_path):
    file = tmp_path / "my_strategy.py"
    file.write_text(SHAVE)
    path = write_recipe(tmp_path, "shave", plugins="./my_strategy.py")
    first = prepare(path).steps[0]
    file.write_text(SHAVE.replace("little", "lot   "))  # of the same length, and within the same second
    second = prepare(path).steps[0]
    assert first.strategy.__doc__ == "Shave a little off. And no more."
    assert second.strategy.__doc__ == "Shave a lot    off. And no more."
    assert first.provider != second.provider
    assert not (tmp_path / "__pycache__").exists()


def test_a_plugin_file_adds_to_the_registry_that_is_given_and_leaves_it_as_it_was(tmp_path):
    (tmp_path / "my_strategy.py").write_text(SHAVE)
    given = Registry()
    widened = given.with_file(tmp_path / "my_strategy.py")
    assert widened.names("strategy") == ["shave"]
    assert given.names("strategy") == []


def test_checking_a_recipe_never_runs_its_plugin_files(tmp_path):
    marker = tmp_path / "it ran"
    (tmp_path / "my_strategy.py").write_text(f"open({str(marker)!r}, 'w')\n{SHAVE}")
    path = write_recipe(tmp_path, "shave", plugins="./my_strategy.py")
    check(path)
    assert not marker.exists()
    prepare(path)
    assert marker.exists()


def test_without_its_plugin_files_a_recipe_is_checked_up_to_the_first_name_they_may_bring(tmp_path):
    (tmp_path / "my_strategy.py").write_text(SHAVE.replace('"shave"', '"back_to_keras"'))
    check(write_recipe(tmp_path, "ptq", "back_to_keras", "prune", plugins="./my_strategy.py"))
    path = write_recipe(tmp_path, "ptq", "prune", "back_to_keras", plugins="./my_strategy.py")
    assert message_of(check, path) == (
        f"{path}:7:11: error: 'ptq' leaves a LiteRT model, and 'prune' needs a Keras model; "
        "change their order, or remove one of the two\n"
        "    7 |   - uses: prune\n"
        "      |           ^^^^^\n"
        f"{path}:8:11: not checked: the strategy 'back_to_keras' comes from my_strategy.py, which is not run here; "
        "its parameters and its place among the steps are checked by 'compressor plan'\n"
        "    8 |   - uses: back_to_keras\n"
        "      |           ^^^^^^^^^^^^^"
    )


def test_a_model_that_a_plugin_file_may_bring_is_taken_on_trust(tmp_path):
    (tmp_path / "my_model.py").write_text("")
    path = write_recipe(tmp_path, "prune", plugins="./my_model.py")
    check(path, ["model.source=my_model", "data.source=my_data"])


@pytest.mark.parametrize("look", [check, prepare])
def test_a_plugin_file_that_is_missing_is_the_only_problem_told(look, tmp_path):
    path = write_recipe(tmp_path, "shave", plugins="./my_strategy.py")
    assert message_of(look, path) == (
        f"{path}:2:11: error: there is no plugin file '{tmp_path}/my_strategy.py'; check the path\n"
        "    2 | plugins: [./my_strategy.py]\n"
        "      |           ^^^^^^^^^^^^^^^^"
    )


@pytest.mark.parametrize("fault", ["a syntax error", "an exit", "a misspelt hook"])
def test_a_plugin_file_that_is_broken_is_the_only_problem_told(fault, tmp_path):
    code, reason, remedy = BROKEN[fault]
    (tmp_path / "acme.py").write_text(code)
    path = write_recipe(tmp_path, "shave", plugins="./acme.py")
    assert message_of(prepare, path) == (
        f"{path}:2:11: error: the plugin file '{tmp_path}/acme.py' cannot be loaded: {reason}; {remedy}\n"
        "    2 | plugins: [./acme.py]\n"
        "      |           ^^^^^^^^^"
    )


def test_a_plugin_file_that_is_named_twice_is_a_problem_at_the_second_place(tmp_path):
    (tmp_path / "acme.py").write_text(SHAVE)
    path = write_recipe(tmp_path, "shave", plugins="./acme.py, ./acme.py")
    assert message_of(prepare, path).splitlines()[0] == (
        f"{path}:2:22: error: the plugin file '{tmp_path}/acme.py' cannot be loaded: "
        "it is registered already; name it once"
    )


def test_what_is_wrong_with_the_recipe_and_with_its_plugin_file_is_told_at_once(tmp_path):
    path = write_recipe(tmp_path, "prune", plugins="./gone.py")
    path.write_text(path.read_text() + "colour: red\n")
    lines = message_of(prepare, path).splitlines()
    assert [line for line in lines if "error" in line] == [
        f"{path}:2:11: error: there is no plugin file '{tmp_path}/gone.py'; check the path",
        f"{path}:7:1: error: unknown key 'colour'; known: constraints, data, description, evaluation, model, name, "
        "plugins, requires, steps, threads, training, version",
    ]


def test_a_plugin_that_is_given_as_an_object_is_held_to_the_same_contracts():
    registry = Registry()
    with pytest.raises(PluginError) as caught:
        registry.add(sys, "sys", Provider("session", "in memory"))
    assert str(caught.value) == "it has no hooks; mark its functions with compressor.hookimpl"
