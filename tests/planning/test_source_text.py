"""What the text of a `source` stands for."""

from pathlib import Path

import pytest

from compressor.base.path_or_function import Reference
from compressor.planning.source_text import reference
from compressor.recipe.load import load
from compressor.recipe.tree import folder_of

HERE = Path("/recipes")


@pytest.mark.parametrize("text", ["mnist", "lenet_300_100", "my.model", "a:b:c", "a:", ":b", "1a:b"])
def test_a_plain_name_is_a_registered_one(text):
    assert reference(text, HERE, {}) is None


@pytest.mark.parametrize("text", ["package:function", "package.module:function", "_a.b_1:_c"])
def test_a_module_and_a_function_are_a_function_to_call(text):
    assert reference(text, HERE, {"size": 3}) == Reference("function", text, {"size": 3})


@pytest.mark.parametrize("text", ["tfds:mnist", "keras_applications:MobileNetV2"])
def test_a_name_in_a_library_is_no_function_of_the_author_s(text):
    found = reference(text, HERE, {})
    assert found == Reference("library", text)
    assert not found.runs_code


@pytest.mark.parametrize(
    "text", ["a.keras", "a.h5", "a.tflite", "a.npz", "a.parquet", "./saved_model", "models/a", "/models/a.keras"]
)
def test_a_suffix_or_a_slash_makes_a_path(text, tmp_path):
    assert reference(text, tmp_path, {}) == Reference("path", str(tmp_path / text))


def test_a_path_starts_at_the_folder_of_the_recipe_that_holds_it(tmp_path, monkeypatch):
    (tmp_path / "below").mkdir()
    base = "version: 1\nmodel: {source: ./base.keras}\ndata: {source: ./base.npz}\n"
    (tmp_path / "base.yaml").write_text(base)
    (tmp_path / "below" / "mine.yaml").write_text("extends: ../base.yaml\ndata: {source: ./mine.npz}\n")
    monkeypatch.chdir("/")
    tree = load(tmp_path / "below" / "mine.yaml").tree
    model, data = (tree.find((section, "source")) for section in ("model", "data"))
    assert reference(model.value, folder_of(model), {}).target == str(tmp_path / "base.keras")
    assert reference(data.value, folder_of(data), {}).target == str(tmp_path / "below" / "mine.npz")


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert reference("~/models/a.keras", HERE, {}).target == str(tmp_path / "models/a.keras")


def test_a_path_has_no_dots_that_only_go_back_unless_a_link_leads_elsewhere(tmp_path):
    (tmp_path / "recipes").mkdir()
    assert reference("../a.npz", tmp_path / "recipes", {}) == Reference("path", str(tmp_path / "a.npz"))
    (tmp_path / "far" / "below").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "far" / "below")
    assert reference("link/../a.npz", tmp_path, {}) == Reference("path", str(tmp_path / "link" / ".." / "a.npz"))


def test_a_function_in_a_file_starts_at_the_folder_of_the_recipe(tmp_path):
    found = reference("./code/mine.py:data", tmp_path, {"size": 3})
    assert found == Reference("function", str(tmp_path / "code" / "mine.py:data"), {"size": 3})
    assert (found.name, found.runs_code) == ("mine.py:data", True)
