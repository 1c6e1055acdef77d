"""Which recipes `compressor validate` takes its arguments to mean."""

import io
import json
import sys

import pytest

GOOD = "version: 1\nmodel: {source: mnist_cnn, train: {epochs: 1}}\ndata: {source: mnist}\nsteps: [{uses: ptq}]\n"


@pytest.fixture
def folder(tmp_path):
    for name in ("recipes/a.yaml", "recipes/deep/b.yml", "recipes/.hidden/c.yaml", "recipes/run/recipe.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(GOOD)
    (tmp_path / "recipes/run/report.json").write_text("{}")
    (tmp_path / "recipes/compose.yaml").write_text("services: {}\n")
    (tmp_path / "recipes/notes.txt").write_text("steps: none\n")
    return tmp_path


def names(run, *arguments):
    code, out, _ = run("validate", "--json", *arguments)
    return code, list(json.loads(out))


def test_a_folder_means_the_recipes_in_it_but_not_what_is_hidden_or_a_copy_of_a_run(run, folder):
    assert names(run, "recipes") == (0, ["recipes/a.yaml", "recipes/deep/b.yml"])


def test_files_of_a_folder_that_are_no_recipes_are_told(run, folder):
    assert run("validate", "recipes") == (
        0,
        "2 recipes valid\n",
        "left out 1 YAML file without 'model', 'steps' or 'extends': recipes/compose.yaml\n",
    )


def test_a_pattern_in_quotes_is_expanded(run, folder):
    assert names(run, "recipes/**/*.y*ml") == (
        1,
        ["recipes/a.yaml", "recipes/compose.yaml", "recipes/deep/b.yml", "recipes/run/recipe.yaml"],
    )


def test_a_recipe_that_is_named_twice_is_checked_once(run, folder):
    assert names(run, "recipes/a.yaml", "recipes", "recipes/a.yaml") == (0, ["recipes/a.yaml", "recipes/deep/b.yml"])


def test_a_pattern_and_a_folder_without_recipes_are_problems(run, folder):
    (folder / "empty").mkdir()
    assert run("validate", "-q", "empty", "*.yaml") == (
        1,
        "error: empty: no recipe in this folder; name a recipe, or a folder that holds some\n"
        "error: *.yaml: no file matches this pattern; name a recipe, or a folder that holds some\n",
        "",
    )


def test_a_folder_with_the_name_of_a_shipped_recipe_does_not_hide_it(run, folder):
    (folder / "prune").mkdir()
    assert names(run, "prune") == (0, ["prune"])


@pytest.fixture
def piped(monkeypatch):
    def pipe(content):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    return pipe


def test_a_recipe_on_standard_input_is_checked_from_the_current_folder(run, folder, piped):
    piped(b"extends: recipes/a.yaml\nsteps: [{uses: ptq}]\n")
    assert run("validate", "-") == (0, "1 recipe valid\n", "")


def test_what_is_wrong_on_standard_input_has_a_place(run, piped):
    piped(GOOD.replace("ptq", "ptqq").encode())
    assert run("validate", "-q", "-") == (
        1,
        "<stdin>:4:16: error: unknown strategy 'ptqq'; did you mean 'ptq'?\n"
        "    4 | steps: [{uses: ptqq}]\n"
        "      |                ^^^^\n",
        "",
    )


def test_standard_input_that_is_no_text_is_refused(run, piped):
    piped(b"\0")
    assert run("validate", "-q", "-") == (
        1,
        "error: <stdin>: is a binary file; name a recipe, which is YAML text in UTF-8\n",
        "",
    )
