"""Plugins are found one by one, and one that is broken costs nobody but itself."""

import pickle
import sys
from hashlib import sha256
from importlib.metadata import version

import pytest
from fake_distributions import SHAVE, installer

from compressor.base import deprecations
from compressor.base.deprecations import Deprecated
from compressor.base.errors import PluginError
from compressor.base.text import listing
from compressor.contracts.execution_plan import Provider
from compressor.planning.json_schema import recipe_schema
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
    "an exception that is no Exception": (
        "class Stop(BaseException): pass\nraise Stop('now')",
        "Stop: now",
        "fix the plugin, or remove it",
    ),
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
    "a plugin for a later version of the contracts": (
        SHAVE + "\napi_version = 2\n",
        "it is written for version 2 of the plugin API, and this compressor has version 1",
        "update compressor, or install an earlier version of the plugin",
    ),
    "a plugin for an earlier version of the contracts": (
        SHAVE + "\napi_version = 0\n",
        "it is written for version 0 of the plugin API, and this compressor has version 1",
        "install a later version of the plugin",
    ),
    "a version of the contracts that is no number": (
        SHAVE + "\napi_version = '1'\n",
        "its api_version is '1'",
        "write 'api_version = 1'",
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
        f"{path}:7:11: error: several plugins bring a strategy named 'shave': acme-one 1.0 and acme-two 2.0; "
        "write 'acme-one:shave' or 'acme-two:shave'\n"
        "    7 |   - uses: shave\n"
        "      |           ^^^^^"
    )


def test_two_strategies_of_one_name_do_not_trouble_a_recipe_that_uses_neither(install):
    install("acme-one", SHAVE)
    install("acme-two", SHAVE)
    plan = resolve(load(recipe("prune")), Registry.installed())
    assert [step.id for step in plan.steps] == ["prune"]


def test_a_name_that_an_installed_plugin_takes_from_the_tool_still_stands_for_the_tool_s_own(install):
    install("acme", SHAVE.replace("shave", "prune"))
    registry = Registry.installed()
    plan = resolve(load(recipe("prune", "acme:prune", "compressor:prune", "acme:prune")), registry)
    assert [(step.id, step.uses, step.provider.distribution) for step in plan.steps] == [
        ("prune", "prune", "compressor"),
        ("prune-2", "prune", "acme"),
        ("prune-3", "prune", "compressor"),
        ("prune-4", "prune", "acme"),
    ]
    assert list(registry.clashes()) == [
        (
            f"several plugins bring a strategy named 'prune': acme 1.0 and compressor {version('compressor')}",
            "'prune' stands for compressor's own; write 'acme:prune' for the other",
        )
    ]


def test_a_plugin_file_with_a_name_of_the_tool_s_own_has_to_be_qualified(tmp_path):
    (tmp_path / "mine.py").write_text(SHAVE.replace("shave", "prune"))
    path = write_recipe(tmp_path, "prune", plugins="./mine.py")
    assert message_of(prepare, path).splitlines()[0].endswith("; write 'compressor:prune' or 'mine.py:prune'")
    (step,) = prepare(write_recipe(tmp_path, "mine.py:prune", plugins="./mine.py")).steps
    assert (step.id, step.provider.distribution) == ("prune", str(tmp_path / "mine.py"))


def test_metrics_models_and_data_sets_can_be_qualified_too(install):
    install(
        "acme",
        HEAD
        + """
class Mine(Metric):
    'Mine.'
    name = 'accuracy'
    def per_sample(self, batch): return batch.labels
class MyData(Dataset):
    'Mine.'
    name = 'mnist'
    def load(self): ...
class MyModel(ModelSource):
    'Mine.'
    name, trained = 'mnist_cnn', True
    def build(self): ...
@compressor.hookimpl
def metrics(): return [Mine]
@compressor.hookimpl
def datasets(): return [MyData]
@compressor.hookimpl
def models(): return [MyModel]
""",
    )
    given = recipe("prune", data={"source": "acme:mnist"}, evaluation={"metrics": ["acme:accuracy"]})
    given["model"] = {"source": "acme:mnist_cnn"}
    plan = resolve(load(given), Registry.installed())
    assert {part: provider.distribution for part, provider in plan.origins.items()} == {
        "model": "acme",
        "data": "acme",
        "metric acme:accuracy": "acme",
    }


def test_a_plugin_with_an_annotation_that_stands_for_nothing_breaks_nobody_else(install):
    install(
        "acme",
        SHAVE.replace('name = "shave"', 'name = "shave"\n    class Params(compressor.Params):\n        a: "Foo" = 1'),
    )
    registry = Registry.installed()
    (broken,) = registry.broken
    assert (broken.reason, broken.remedy) == (
        "the Params of the strategy 'shave' use the name 'Foo', which is not defined",
        "import it in the plugin's module, or fix the annotation",
    )
    assert recipe_schema(registry) == recipe_schema(Registry.installed())
    assert [step.id for step in resolve(load(recipe("prune")), registry).steps] == ["prune"]


def test_parameters_without_a_schema_cost_only_themselves(install):
    install(
        "acme",
        SHAVE.replace(
            'name = "shave"',
            'name = "shave"\n    class Params(compressor.Params):\n        @classmethod\n'
            "        def __get_pydantic_json_schema__(cls, *given): raise KeyError('x')",
        ),
    )
    schema = recipe_schema(Registry.installed())
    assert schema["$defs"]["StepSection_shave"]["description"] == "It cannot be described: KeyError: 'x'."
    assert "StepSection_prune" in schema["$defs"]


def test_a_default_that_the_parameters_refuse_is_the_plugin_s_fault(install):
    install(
        "acme",
        SHAVE.replace(
            'name = "shave"',
            'name = "shave"\n    class Params(compressor.Params):\n'
            "        from pydantic import Field as _F\n        depth: int = _F(0, ge=1)",
        ),
    )
    registry = Registry.installed()
    with pytest.raises(PluginError) as caught:
        resolve(load(recipe("shave")), registry)
    assert str(caught.value) == (
        "the strategy 'shave' (acme 1.0): the default of its parameter 'depth' is wrong "
        "(Input should be greater than or equal to 1); fix the default in the plugin, or set the parameter"
    )
    given = recipe("shave")
    given["steps"][0]["with"] = {"depth": 2}
    assert resolve(load(given), registry).steps[0].strategy.params.depth == 2


def test_a_slow_import_is_named_with_what_it_imports(install):
    sys.modules.pop("heavy_library", None)
    install("acme", "import time\ntime.sleep(0.6)\n" + SHAVE)
    (slow,) = Registry.installed().slow
    assert str(slow).startswith("acme (acme 1.0) takes 0.")
    assert slow.remedy == "have its module import heavy libraries within functions"
    assert Registry.installed().slow == []  # it is imported now


def test_a_heavy_library_is_named(install, monkeypatch):
    monkeypatch.setattr("compressor.planning.registry.HEAVY", ("heavy_library", "tensorflow"))
    monkeypatch.delitem(sys.modules, "heavy_library", raising=False)
    install("acme", "import sys\nsys.modules['heavy_library'] = sys\n" + SHAVE)
    (slow,) = Registry.installed().slow
    assert str(slow) == "acme (acme 1.0) takes 0.0 s to import, with heavy_library"


def test_a_plugin_that_uses_a_deprecated_name_works_and_is_named(install, monkeypatch):
    monkeypatch.setitem(deprecations.DEPRECATED, "compressor.Step", Deprecated("compressor:Strategy", "0.3"))
    install("acme", SHAVE.replace("compressor.Strategy", "compressor.Step"))
    with pytest.warns(DeprecationWarning):
        registry = Registry.installed()
    assert registry.get("strategy", "shave") is not None
    assert list(map(str, registry.outdated)) == [
        "acme (acme 1.0): compressor.Step is now compressor.Strategy; the old name goes with compressor 0.3"
    ]


def test_an_import_that_hangs_is_ended_and_the_plugin_broken(install, monkeypatch):
    monkeypatch.setattr("compressor.planning.registry.LONGEST_IMPORT", 0.2)
    install("acme", "import time\ntime.sleep(30)\n" + SHAVE)
    registry = Registry.installed()
    (broken,) = registry.broken
    assert str(broken) == "acme (acme 1.0): its import was ended, since it took more than 0.2 s"
    assert registry.get("strategy", "prune") is not None


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
        "objectives, plugins, requires, runtime, steps, target and 3 more",
    ]


def test_a_plugin_that_is_given_as_an_object_is_held_to_the_same_contracts():
    registry = Registry()
    with pytest.raises(PluginError) as caught:
        registry.add(sys, "sys", Provider("session", "in memory"))
    assert str(caught.value) == "it has no hooks; mark its functions with compressor.hookimpl"
