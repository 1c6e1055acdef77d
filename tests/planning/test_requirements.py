"""`requires`: what a recipe needs installed."""

import pytest
from fake_distributions import SHAVE, installer

from compressor.planning import planner
from compressor.recipe.problems import RecipeError

HEAD = "version: 1\nmodel: {source: mnist_cnn, train: {epochs: 1}}\ndata: {source: mnist}\n"


@pytest.fixture
def problems(tmp_path, monkeypatch):
    installer(tmp_path, monkeypatch)("acme-plugin", SHAVE, "1.3rc1")
    return lambda text: found(tmp_path / "recipe.yaml", text)


def found(path, text):
    path.write_text(HEAD + text)
    try:
        return list(planner.check(path))
    except RecipeError as error:
        return [f"{problem.origin.line}:{problem.origin.column} {problem.message}" for problem in error.problems]


@pytest.mark.parametrize("versions", ["", ">=1.2", ">=1.2,<2", "==1.3rc1", "~=1.0"])
def test_an_installed_version_within_the_range_meets_it(problems, versions):
    assert problems(f"requires: {{Acme.plugin: '{versions}'}}\n") == []


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (
            "acme-plugin: '>=2'",
            "4:25 the recipe requires acme-plugin >=2, and 1.3rc1 is installed; pip install 'acme-plugin>=2'",
        ),
        (
            "my-plugin: '>=1.2'",
            "4:23 the recipe requires my-plugin >=1.2, which is not installed; pip install 'my-plugin>=1.2'",
        ),
        ("my-plugin: ''", "4:23 the recipe requires my-plugin, which is not installed; pip install 'my-plugin'"),
        ("acme-plugin: '1.2'", "4:25 '1.2' is no range of versions; write one such as '>=1.2' or '>=1.2,<2'"),
        ("acme-plugin: 1", "4:25 'requires.acme-plugin' takes text, not 1"),
    ],
)
def test_what_is_not_met_is_told_with_the_command_that_helps(problems, entry, problem):
    assert problems(f"requires: {{{entry}}}\n") == [problem]


def test_a_name_that_pip_could_not_install_never_gets_into_a_command(problems):
    assert problems("requires: {\"a'; rm -rf ~\": '>=1', '': '>=1'}\n") == [
        "4:12 the key 'a'; rm -rf ~' must be the name that pip installs it by",
        "4:35 the key '' must be the name that pip installs it by",
    ]
