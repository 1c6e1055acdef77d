"""The files that a recipe is made of and reads."""

import pytest

from compressor.recipe import shipped
from compressor.run.recipe_inputs import files_behind


@pytest.fixture
def names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELS", str(tmp_path / "models"))

    def names(text, **others):
        for name, content in {"recipe": text, **others}.items():
            (tmp_path / f"{name}.yaml").write_text(content)
        files = files_behind("recipe.yaml")
        return sorted(file.removeprefix(f"{tmp_path}/") for file in files)

    return names


def test_they_are_found_through_recipes_that_are_extended_and_that_make_teachers(names):
    base = "extends: prune\ndata: {source: ./images}\n"
    teacher = "model: {source: '${MODELS}/big.keras'}\ndata: {source: mnist}\n"
    text = (
        "extends: base.yaml\nplugins: [./mine.py]\ntraining: {loss: './losses.py:own', teacher: ./teacher.yaml}\n"
        "evaluation: {metrics: ['./metrics.py:own', accuracy]}\n"
    )
    assert names(text, base=base, teacher=teacher) == sorted(
        [
            *(str(shipped.folder() / name) for name in ("prune.yaml", "baseline.yaml")),
            *("recipe.yaml", "base.yaml", "teacher.yaml", "mine.py", "losses.py", "metrics.py"),
            *("images", "models/big.keras"),
        ]
    )


def test_a_pattern_leads_to_itself_and_to_the_files_that_it_stands_for(names, tmp_path):
    (tmp_path / "data").mkdir()
    for name in ("a.csv", "b.csv", "notes.txt"):
        (tmp_path / "data" / name).touch()
    text = "model: {source: mnist_cnn}\ndata: {source: './data/*.csv'}\n"
    assert names(text) == ["data/*.csv", "data/a.csv", "data/b.csv", "recipe.yaml"]


def test_functions_and_classes_of_modules_lead_to_all_code_beside_them_that_they_import(names, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    for name, code in {
        "own_package/__init__.py": "raise RuntimeError('nothing is imported')",
        "own_package/losses.py": "import own_maths",
        "own_maths.py": "import json, numpy",
        "own_layers.py": "",
        "own_data.py": "",
        "own_file.py": "import own_helper",
        "own_helper.py": "",
        "apart.py": "",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(code)
    text = (
        "model: {source: mnist_cnn, custom_objects: [own_layers]}\ndata: {source: 'own_data:make'}\n"
        "training: {loss: 'own_package.losses:own'}\nplugins: [./own_file.py]\n"
    )
    assert names(text) == [
        *("own_data.py", "own_file.py", "own_helper.py", "own_layers.py", "own_maths.py"),
        *("own_package/__init__.py", "own_package/losses.py", "recipe.yaml"),
    ]


@pytest.mark.parametrize(
    "text",
    ["{", "steps: 3\nplugins: 4\nextends: [5]\n", "extends: gone.yaml\n", "extends: recipe.yaml\n", "plugins: [1]\n"],
)
def test_a_recipe_that_is_broken_leads_no_further(names, text):
    assert names(text) == ["recipe.yaml"]


def test_a_recipe_that_is_not_there_is_what_may_come(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert files_behind("gone.yaml") == [str(tmp_path / "gone.yaml")]
