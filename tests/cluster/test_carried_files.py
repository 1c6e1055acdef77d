"""Files of a recipe on a machine that does not have them: `Places` is given what `Carrier` put, and nothing else."""

import shutil
from pathlib import Path

import pytest
import yaml

from compressor.cluster import carried_files
from compressor.cluster.carried_files import Carrier, Places
from compressor.cluster.ray_errors import ClusterError
from compressor.planning.recipe_paths import absolute
from compressor.recipe.document import dump
from compressor.recipe.load import load

RECIPE = """\
version: 1
name: mine
model: {source: models/net.keras}
data: {source: ./code.py:samples, with: {folder: models/net.keras}}
plugins: [./plugin.py]
training: {teacher: {source: teacher.yaml}}
steps: [{uses: ptq}]
"""
TEACHER = "version: 1\nname: large\nmodel: {source: models/large.keras}\ndata: {source: ./pictures}\nsteps: []\n"


@pytest.fixture
def recipe(tmp_path):
    here = tmp_path / "here"
    for name, content in {
        "models/net.keras": "a net",
        "models/large.keras": "a large net",
        "code.py": "def samples(): ...",
        "plugin.py": "# a plugin",
        "pictures/cat/1.png": "a cat",
        "pictures/dog/1.png": "a dog",
        "teacher.yaml": TEACHER,
        "mine.yaml": RECIPE,
    }.items():
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(content)
    return load(here / "mine.yaml")


def carry(recipe):
    """What a carrier puts, and a function that gets it and counts how often that is."""
    kept, got = [], []

    def put(content):
        kept.append(content)
        return len(kept) - 1

    def get(number):
        got.append(number)
        return kept[number]

    return Carrier(put).carried_by(recipe), get, got


def test_what_a_recipe_names_is_found_on_another_machine_teachers_and_their_files_included(recipe, tmp_path):
    carried, get, got = carry(recipe)
    text = dump(absolute(recipe))
    shutil.rmtree(tmp_path / "here")
    there = tmp_path / "there"
    places = Places(there)
    plain = yaml.safe_load(places.recipe_here(text, carried, get))
    model = Path(plain["model"]["source"])
    assert model.is_relative_to(there) and model.name == "net.keras" and model.read_text() == "a net"
    file, _, name = plain["data"]["source"].rpartition(":")
    assert (Path(file).read_text(), name) == ("def samples(): ...", "samples")
    assert Path(plain["plugins"][0]).read_text() == "# a plugin"
    teacher = yaml.safe_load(Path(plain["training"]["teacher"]["source"]).read_text())
    assert Path(teacher["model"]["source"]).read_text() == "a large net"
    pictures = Path(teacher["data"]["source"])
    assert sorted(path.relative_to(pictures).as_posix() for path in pictures.rglob("*.png")) == [
        "cat/1.png", "dog/1.png",
    ]  # fmt: skip
    assert (pictures / "dog/1.png").read_text() == "a dog"
    fetched = len(got)
    Places(there).recipe_here(text, carried, get)  # another process of that machine
    assert len(got) == fetched + 1  # the teacher's recipe alone is written anew


def test_a_machine_that_has_the_same_content_at_the_same_path_uses_that(recipe, tmp_path):
    carried, get, _ = carry(recipe)
    text = dump(absolute(recipe))
    (tmp_path / "here/models/net.keras").write_text("another net")
    plain = yaml.safe_load(Places(tmp_path / "there").recipe_here(text, carried, get))
    assert plain["plugins"] == [str(tmp_path / "here/plugin.py")]
    assert Path(plain["model"]["source"]).read_text() == "a net"
    assert yaml.safe_load(Path(plain["training"]["teacher"]["source"]).read_text())["data"]["source"] == str(
        tmp_path / "here/pictures"
    )


def test_a_file_is_read_once_for_all_recipes(recipe):
    kept = []
    carrier = Carrier(lambda content: kept.append(content) or len(kept))
    assert carrier.carried_by(recipe) == carrier.carried_by(recipe)
    assert sorted(kept).count(b"a net") == 1


def test_what_is_too_large_to_send_is_refused(recipe, monkeypatch):
    monkeypatch.setattr(carried_files, "MOST", 8)
    with pytest.raises(ClusterError, match=r"code\.py has 18 B, and more than 8 B is not sent to a cluster; "):
        carry(recipe)
