"""`--plugin FILE`: a plugin file that no recipe has to name."""

import json

import pytest
from fake_distributions import SHAVE

import compressor
from compressor.cli.command_registry import registry_with
from compressor.recipe.document import dump

RECIPE = """\
version: 1
model: {source: mnist_cnn, train: {epochs: 1}}
data: {source: mnist}
steps:
  - uses: shave
"""


@pytest.fixture
def files(tmp_path):
    """A recipe that needs a plugin, and the plugin's file, in the folder that `run` works in."""
    (tmp_path / "mine.py").write_text(SHAVE)
    (tmp_path / "recipe.yaml").write_text(RECIPE)


def test_without_the_plugin_its_strategy_is_unknown(run, files):
    code, out, _ = run("validate", "recipe.yaml")
    assert code == 1
    assert "recipe.yaml:5:11: error: unknown strategy 'shave'" in out


def test_every_command_that_takes_recipes_or_strategies_takes_it(run, files, tmp_path):
    assert run("validate", "recipe.yaml", "--plugin", "mine.py")[:2] == (0, "1 recipe valid\n")
    assert run("strategies", "shave", "--plugin", "./mine.py")[1].startswith("shave from ")
    assert "StepSection_shave" in json.loads(run("schema", "--plugin", "mine.py")[1])["$defs"]
    code, out, _ = run("plan", "recipe.yaml", "--plugin", "mine.py", "--json")
    shown = json.loads(out)
    assert (code, shown["recipe"]["plugins"], shown["runs_code"]) == (
        0,
        [str(tmp_path / "mine.py")],
        [str(tmp_path / "mine.py")],
    )


def test_a_file_that_the_recipe_names_as_well_counts_once(run, files, tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE.replace("model:", "plugins: [./mine.py]\nmodel:"))
    code, out, _ = run("plan", "recipe.yaml", "--plugin", "mine.py", "--json")
    assert (code, json.loads(out)["recipe"]["plugins"]) == (0, ["./mine.py"])
    assert run("validate", "recipe.yaml", "--plugin", "mine.py") == (0, "1 recipe valid\n", "")


def test_a_run_is_planned_with_a_registry_that_has_the_file_of_its_recipe(run, files, tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE.replace("model:", "plugins: [./mine.py]\nmodel:"))
    registry = registry_with([tmp_path / "mine.py"])
    (step,) = compressor.plan(path, registry=registry).steps
    assert step.uses == "shave"


def test_debug_takes_the_file_that_the_run_was_made_with(run, files, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "recipe.yaml").write_text(RECIPE.replace("model:", f"plugins: [{tmp_path / 'mine.py'}]\nmodel:"))
    lock = {"recipe": {}, "seed": 0, "smoke": True, "tool": "", "plugins": {}, "code": {}, "versions": {}}
    (folder / "lock.yaml").write_text(dump({**lock, "fingerprints": {}}))
    said = f"error: no step of {folder} quantizes (its steps: baseline, shave); name a run with 'ptq' or 'qat'\n"
    assert run("debug", str(folder)) == (1, "", said)
    assert run("debug", str(folder), "--plugin", "mine.py") == (1, "", said)


@pytest.mark.parametrize("command", [["strategies"], ["schema"], ["validate", "prune_qat"]])
def test_a_file_that_is_missing_or_broken_is_named(run, tmp_path, command):
    (tmp_path / "broken.py").write_text("import no_such_module")
    assert run(*command, "--plugin", "gone.py") == (
        1,
        "",
        f"error: there is no plugin file '{tmp_path}/gone.py'; check the path\n",
    )
    assert run(*command, "--plugin", "broken.py") == (
        1,
        "",
        f"error: the plugin file '{tmp_path}/broken.py' cannot be loaded: "
        "ModuleNotFoundError: No module named 'no_such_module'; fix the plugin, or remove it\n",
    )


def test_plan_names_a_missing_file_with_the_other_problems(run, files, tmp_path):
    code, _, err = run("plan", "recipe.yaml", "--plugin", "gone.py", "--set", "colour=red")
    assert code == 1
    assert f"error: there is no plugin file '{tmp_path}/gone.py'; check the path" in err
    assert "unknown key 'colour'" in err


def test_a_link_that_leads_to_itself_is_a_file_that_is_not_there(run, files, tmp_path):
    (tmp_path / "circle.py").symlink_to("circle.py")
    assert run("validate", "recipe.yaml", "--plugin", "circle.py")[::2] == (
        1,
        f"error: there is no plugin file '{tmp_path}/circle.py'; check the path\n",
    )
