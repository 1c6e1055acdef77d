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


@pytest.mark.parametrize(
    "text",
    ["{", "steps: 3\nplugins: 4\nextends: [5]\n", "extends: gone.yaml\n", "extends: recipe.yaml\n", "plugins: [1]\n"],
)
def test_a_recipe_that_is_broken_leads_no_further(names, text):
    assert names(text) == ["recipe.yaml"]


def test_a_recipe_that_is_not_there_is_what_may_come(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert files_behind("gone.yaml") == [str(tmp_path / "gone.yaml")]
