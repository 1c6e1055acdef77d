"""`compressor validate`, as a person or a CI job sees it."""

import json
from pathlib import Path

import pytest
from fake_distributions import SHAVE

from compressor.recipe import shipped

GOOD = """\
version: 1
model: {source: mnist_cnn, train: {epochs: 1}}
data: {source: mnist}
steps:
  - uses: prune
  - uses: ptq
"""
BAD = """\
version: 1
model: {source: mnist_cnn, train: {epochs: 1}}
data: {source: mnist}
steps:
  - uses: prun
  - uses: ptq
  - uses: qat
"""
BAD_SHOWN = """\
bad.yaml:5:11: error: unknown strategy 'prun'; did you mean 'prune'?
    5 |   - uses: prun
      |           ^^^^
bad.yaml:7:11: error: 'ptq' leaves a LiteRT model, and 'qat' needs a Keras model; \
change their order, or remove one of the two
    7 |   - uses: qat
      |           ^^^
"""


@pytest.fixture
def recipes(tmp_path):
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_text(BAD)
    (tmp_path / "worse.yaml").write_text(GOOD.replace("version: 1", "version: 7"))


def test_a_valid_recipe_is_said_to_be_valid(run, recipes):
    assert run("validate", "good.yaml") == (0, "1 recipe valid\n", "")


def test_shipped_recipes_are_valid_by_their_bare_names(run):
    names = shipped.names()
    assert run("validate", *names) == (0, f"{len(names)} recipe{'s' * (len(names) > 1)} valid\n", "")


def test_problems_of_all_files_are_shown_at_once_and_counted(run, recipes):
    code, out, err = run("validate", "good.yaml", "bad.yaml", "worse.yaml")
    assert code == 1
    assert out.startswith(BAD_SHOWN)
    assert [line for line in out.removeprefix(BAD_SHOWN).splitlines() if ": error: " in line] == [
        line for line in out.splitlines() if line.startswith("worse.yaml:1:10: error: ")
    ]
    assert err == "3 problems in 2 of 3 recipes\n"


def test_one_problem_is_counted_in_the_singular(run, recipes):
    assert run("validate", "worse.yaml")[2] == "1 problem in 1 of 1 recipe\n"


def test_quiet_prints_problems_and_nothing_else(run, recipes):
    assert run("validate", "-q", "good.yaml") == (0, "", "")
    assert run("validate", "--quiet", "good.yaml", "bad.yaml") == (1, BAD_SHOWN, "")


def test_json_has_an_entry_for_every_recipe_and_a_place_for_every_problem(run, recipes):
    code, out, err = run("validate", "--json", "good.yaml", "bad.yaml", "gone.yaml")
    assert (code, err) == (1, "")
    found = json.loads(out)
    assert found == {
        "good.yaml": [],
        "bad.yaml": [
            {
                "severity": "error",
                "message": "unknown strategy 'prun'; did you mean 'prune'?",
                "file": "bad.yaml",
                "line": 5,
                "column": 11,
            },
            {
                "severity": "error",
                "message": "'ptq' leaves a LiteRT model, and 'qat' needs a Keras model; "
                "change their order, or remove one of the two",
                "file": "bad.yaml",
                "line": 7,
                "column": 11,
            },
        ],
        "gone.yaml": found["gone.yaml"],
    }
    (problem,) = found["gone.yaml"]
    assert set(problem) == {"severity", "message"}
    assert problem["message"].startswith("gone.yaml: there is no such file or shipped recipe")


def test_json_of_valid_recipes_ends_with_0(run, recipes):
    assert run("validate", "--json", "good.yaml") == (0, '{\n  "good.yaml": []\n}\n', "")


def test_github_gets_an_annotation_for_every_problem(run, recipes):
    assert run("validate", "--github", "good.yaml", "bad.yaml") == (
        1,
        "::error file=bad.yaml,line=5,col=11::unknown strategy 'prun'; did you mean 'prune'?\n"
        "::error file=bad.yaml,line=7,col=11::'ptq' leaves a LiteRT model, and 'qat' needs a Keras model; "
        "change their order, or remove one of the two\n",
        "2 problems in 1 of 2 recipes\n",
    )


def test_github_s_own_characters_are_escaped(run, tmp_path):
    (tmp_path / "a,b%c.yaml").write_text(GOOD.replace("prune", "qat%"))
    assert run("validate", "--github", "-q", "a,b%c.yaml") == (
        1,
        "::error file=a%2Cb%25c.yaml,line=5,col=11::unknown strategy 'qat%25'; did you mean 'qat'?\n",
        "",
    )


def test_an_override_is_checked_in_every_recipe(run, recipes):
    assert run("validate", "--set", "steps.0.with.final_sparsity=2", "good.yaml") == (
        1,
        "--set steps.0.with.final_sparsity=2:1:29: error: 'final_sparsity' must be below 1, but is 2\n"
        "    1 | steps.0.with.final_sparsity=2\n"
        "      |                             ^\n",
        "1 problem in 1 of 1 recipe\n",
    )


def test_a_plugin_file_is_not_run(run, tmp_path):
    (tmp_path / "mine.py").write_text("open('it ran', 'w')")
    (tmp_path / "recipe.yaml").write_text(GOOD.replace("uses: prune", "uses: mine") + "plugins: [./mine.py]\n")
    assert run("validate", "recipe.yaml") == (
        0,
        "recipe.yaml:5:11: warning: no installed plugin brings the strategy 'mine', and whether mine.py does is not "
        "known; 'compressor plan' runs it and knows\n"
        "    5 |   - uses: mine\n"
        "      |           ^^^^\n"
        "1 recipe valid, 1 warning\n",
        "",
    )
    assert not (tmp_path / "it ran").exists()


def test_a_plugin_that_fails_where_it_should_answer_is_a_problem_of_the_recipe_that_uses_it(run, recipes, install):
    install("acme", SHAVE.replace("shave", "prune_more").replace("state.require", "state.demand"))
    Path("acme.yaml").write_text(GOOD.replace("prune", "prune_more"))
    assert run("validate", "good.yaml", "acme.yaml") == (
        1,
        "error: acme.yaml: the strategy 'prune_more' (acme 1.0) failed with AttributeError: "
        "'ModelState' object has no attribute 'demand'; "
        "fix it, or report it to its author; --debug shows the traceback\n",
        "1 problem in 1 of 2 recipes\n",
    )


def test_two_formats_at_once_are_a_wrong_command_line(run, recipes):
    code, out, err = run("validate", "--json", "--github", "good.yaml")
    assert (code, out) == (2, "")
    assert err.endswith("\n\nError: --json and --github exclude each other; leave one out\n")


@pytest.mark.parametrize("short", ["--json", "--github"])
def test_a_short_form_and_another_format_are_a_wrong_command_line(run, recipes, short):
    code, out, err = run("validate", short, "--format", "sarif", "good.yaml")
    assert (code, out) == (2, "")
    assert err.endswith(f"Error: {short} and --format sarif exclude each other; leave one out\n")


def test_without_a_recipe_the_command_line_is_wrong(run):
    assert run("validate") == (
        2,
        "",
        "Usage: compressor validate [OPTIONS] RECIPES...\n"
        "Try 'compressor validate --help' for help.\n\n"
        "Error: Missing argument 'RECIPES...'.\n",
    )


@pytest.mark.parametrize("more", [("--json",), ("-",)])
def test_watching_is_for_files_and_text(run, recipes, more):
    code, out, err = run("validate", "--watch", "good.yaml", *more)
    assert (code, out) == (2, "")
    assert err.endswith("Error: --watch is for files, and prints text; leave out the other format, or '-'\n")
