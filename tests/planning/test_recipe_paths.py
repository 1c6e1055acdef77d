"""Every path in a recipe is made absolute for its copy, and a name for its lock."""

from compressor.planning.recipe_paths import absolute, portable
from compressor.recipe.load import load

RECIPE = """
version: 1
plugins: [own/plugin.py]
model: {source: ./nets/net.h5}
data: {source: "tfds:mnist", with: {data_dir: sets}}
target: ./boards/mine.yaml
"""


def test_paths_of_plugins_models_and_data_are_made_absolute_or_names(tmp_path, monkeypatch):
    project = tmp_path / "project"
    project.mkdir()
    (project / "base.yaml").write_text(RECIPE)
    (project / "below").mkdir()
    (project / "below" / "recipe.yaml").write_text("extends: ../base.yaml\ndata: {source: data/digits.npz}\n")
    monkeypatch.chdir(tmp_path)
    base = absolute(load(project / "base.yaml"))
    assert base["plugins"] == [str(project / "own" / "plugin.py")]
    assert base["target"] == str(project / "boards" / "mine.yaml")
    assert base["model"]["source"] == str(project / "nets" / "net.h5")
    assert base["data"] == {"source": "tfds:mnist", "with": {"data_dir": str(tmp_path / "sets")}}
    composed = load(project / "below" / "recipe.yaml")
    spelled = absolute(composed)
    assert spelled["data"]["source"] == str(project / "below" / "data" / "digits.npz")
    assert spelled["model"]["source"] == str(project / "nets" / "net.h5")
    assert "extends" not in spelled
    assert portable(composed)["plugins"] == ["plugin.py"]
    assert portable(composed)["target"] == "mine.yaml"
    assert portable(composed)["model"]["source"] == "net.h5"


def test_a_path_longer_than_the_system_takes_is_told_and_no_fault_of_the_tool():
    import compressor

    data = {"version": 1, "model": {"source": f"./{'m' * 300}"}, "data": {"source": f"./{'d' * 300}"}}
    assert compressor.plan(data).model.format == "keras"


def test_a_path_in_an_override_starts_where_the_command_runs(tmp_path, monkeypatch):
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    recipe = load(tmp_path / "recipe.yaml", ["model.source=./other.h5"])
    assert absolute(recipe)["model"]["source"] == str(elsewhere / "other.h5")
