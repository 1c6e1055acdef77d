"""Functions in files beside the recipe: models, data, metrics and losses without PYTHONPATH."""

import pytest

import compressor
from compressor.base.errors import CompressorError
from compressor.base.import_path import function_at, in_folder, names_function, without_folder
from compressor.planning.recipe_paths import portable
from compressor.recipe.problems import RecipeError
from compressor.run.cache.code_digest import code_digest

CODE = """
import numpy as np

def build():
    import tf_keras
    return tf_keras.Sequential([tf_keras.layers.Dense(2, activation="softmax", input_shape=(4,), name="d")])

def data():
    x = np.random.default_rng(0).normal(size=(90, 4)).astype("f4")
    y = (x[:, 0] > 0).astype("i8")
    return compressor_splits(x, y)

def compressor_splits(x, y):
    import compressor
    return compressor.Splits((x[:60], y[:60]), (x[60:], y[60:]))

def half_right(outputs, labels):
    return (outputs.argmax(-1) == labels) / 2

def loss(labels, outputs):
    import tensorflow as tf
    return tf.keras.backend.sparse_categorical_crossentropy(labels, outputs)
"""
RECIPE = """
version: 1
model: {source: "./mine/code.py:build", train: {epochs: 1}}
data: {source: "./mine/code.py:data"}
training: {loss: "./mine/code.py:loss", batch_size: 20}
evaluation: {metrics: ["./mine/code.py:half_right", {uses: "./mine/code.py:half_right", name: again}]}
steps: [{uses: prune, with: {epochs: 1, loss: {d: "mine/../mine/code.py:loss"}}}]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "recipes" / "mine"
    place.mkdir(parents=True)
    (place / "code.py").write_text(CODE)
    (place.parent / "r.yaml").write_text(RECIPE)
    return place.parent


def test_all_that_a_recipe_may_name_can_stand_in_a_file_beside_it(folder, tensorflow):
    plan = compressor.plan(folder / "r.yaml")
    path = folder / "mine" / "code.py"
    assert plan.own_functions == tuple(f"{path}:{name}" for name in ("build", "data", "loss", "half_right"))
    assert (plan.model.name, plan.data.name) == ("code.py:build", "code.py:data")
    report, _ = compressor.apply(folder / "r.yaml", output=folder / "out")
    first, again = report.stages[0].metrics.values()
    assert first.value == again.value
    assert 0 < first.value <= 0.5
    assert [stage.cached for stage in report.stages] == [False, False]

    moved = folder.parent / "elsewhere"
    folder.rename(moved)  # the same files in another folder are the same to the cache
    report, _ = compressor.apply(moved / "r.yaml", output=moved / "again")
    assert [stage.cached for stage in report.stages] == [True, True]
    code = moved / "mine" / "code.py"
    code.write_text(code.read_text().replace("crossentropy(labels, outputs)", "crossentropy(labels, outputs) * 2"))
    report, _ = compressor.apply(moved / "r.yaml", output=moved / "other")
    assert [stage.cached for stage in report.stages] == [False, False]


def test_a_lock_knows_the_file_by_its_name_alone(folder):
    plain = portable(compressor.load(folder / "r.yaml"))
    assert plain["model"]["source"] == "code.py:build"
    assert plain["training"]["loss"] == "code.py:loss"
    assert plain["evaluation"]["metrics"] == ["code.py:half_right", {"uses": "code.py:half_right", "name": "again"}]


def test_a_file_that_is_not_there_is_told_with_its_position(folder):
    (folder / "r.yaml").write_text(RECIPE.replace('loss: "./mine', 'loss: "./yours'))
    with pytest.raises(RecipeError) as caught:
        compressor.plan(folder / "r.yaml")
    assert str(caught.value).splitlines()[0] == (
        f"{folder / 'r.yaml'}:5:18: error: there is no file '{folder / 'yours' / 'code.py'}'; check the path"
    )


def test_what_is_in_a_file_but_not_the_function_is_told(folder):
    target = in_folder("./mine/code.py:nothing", folder)
    with pytest.raises(CompressorError) as caught:
        function_at(target)
    assert str(caught.value) == f"'{target}': it has no function 'nothing'; fix the name after the colon"
    (folder / "mine" / "code.py").write_text("import beside\n")
    with pytest.raises(CompressorError) as caught:
        function_at(target)
    assert str(caught.value) == (
        f"'{target}': it cannot be imported (No module named 'beside'); "
        "install it, put its folder on PYTHONPATH, or fix the name"
    )
    with pytest.raises(CompressorError) as caught:
        function_at("code.py:build")
    assert str(caught.value).endswith("; write './code.py' for a file beside the recipe")


def test_an_edited_file_is_read_and_digested_anew(folder):
    path = folder / "mine" / "code.py"
    target, before = f"{path}:build", code_digest(str(path))
    assert function_at(target) is function_at(target)
    path.write_text("def build():\n    return 'other'\n")
    assert function_at(target)() == "other"
    assert code_digest(str(path)) != before


@pytest.mark.parametrize(
    ("text", "is_function"),
    [("./a.py:f", True), ("a/b.py:f", True), ("/a b/c.py:f", True), ("./a.py", False), ("./a.npz", False)],
)
def test_a_slash_and_the_suffix_make_a_file_of_functions(text, is_function):
    assert names_function(text) is is_function


def test_the_short_form_has_no_folder():
    assert without_folder("/a/b.py:f") == "b.py:f"
    assert without_folder("a.b:f") == "a.b:f"
