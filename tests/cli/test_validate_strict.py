"""What `compressor validate --strict` refuses besides what is invalid."""

import json
import zipfile

import pytest
from fake_distributions import SHAVE

HEAD = "version: 1\nmodel: {source: ./m.keras}\ndata: {source: mnist}\n"
LIMITS = "constraints: {max_size: 1 MB}\n"
INNER = {"class_name": "Dense", "config": {"name": "in"}}
LAYERS = [
    {"class_name": "Dense", "config": {"name": "head"}},
    {
        "class_name": "TimeDistributed",
        "config": {"name": "wrap", "layer": {"class_name": "Dense", "config": {"name": "in"}}},
    },
]


@pytest.fixture
def strict(run, tmp_path):
    """The first lines of the errors of a recipe under --strict, and whether it is valid without."""
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("config.json", json.dumps({"class_name": "Functional", "config": {"layers": LAYERS}}))

    def check(text):
        (tmp_path / "recipe.yaml").write_text(HEAD + text)
        assert run("validate", "-q", "recipe.yaml")[0] == 0
        code, out, _ = run("validate", "-q", "--strict", "recipe.yaml")
        errors = [line for line in out.splitlines() if line.startswith("recipe.yaml")]
        assert code == (1 if errors else 0)
        return errors

    return check


def test_a_recipe_without_constraints(strict):
    assert strict("steps: [{uses: prune}]\n" + LIMITS) == []
    assert strict("steps: [{uses: prune}]\n") == [
        "recipe.yaml:1:1: error: the recipe has no constraints, so that no result fails it; "
        "add some, as in 'max_accuracy_drop: 0.01'"
    ]


def test_a_pattern_that_matches_no_layer_of_a_keras_file(strict):
    step = "steps: [{uses: prune, with: {layers: [head]}}]\n" + LIMITS
    assert strict(step.replace("head", "head, in, 'type:TimeDistributed'")) == []
    assert strict(step.replace("head", "haed")) == [
        "recipe.yaml:4:39: error: 'haed' matches no layer of the model; did you mean 'head'?"
    ]


def test_a_keras_file_that_cannot_be_read_is_left_to_the_run(strict, tmp_path):
    (tmp_path / "m.keras").write_bytes(b"PK\3\4 no archive")
    assert strict("steps: [{uses: prune, with: {layers: [haed]}}]\n" + LIMITS) == []


def test_a_plugin_of_any_version(strict, install):
    install("acme-plugin", SHAVE)
    step = "steps: [{uses: shave}]\n" + LIMITS
    assert strict(step) == [
        "recipe.yaml:4:16: error: the strategy 'shave' comes from acme-plugin 1.0, and the recipe takes any version of "
        "it; add 'requires: {acme-plugin: \"==1.0\"}'"
    ]
    assert strict(step + 'requires: {Acme_Plugin: ">=1,<2"}\n') == []
    assert len(strict(step + 'requires: {acme-plugin: ""}\n')) == 1


def test_files_that_are_not_there(run, tmp_path):
    (tmp_path / "recipe.yaml").write_text(HEAD + LIMITS)
    assert run("validate", "--strict", "recipe.yaml") == (
        1,
        "recipe.yaml:2:17: error: there is no file or folder './m.keras' for the model; "
        f"check the path, which leads to {tmp_path}/m.keras\n"
        "    2 | model: {source: ./m.keras}\n"
        "      |                 ^^^^^^^^^\n",
        "1 problem in 1 of 1 recipe\n",
    )
