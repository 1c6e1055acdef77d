import contextlib
import os
import tempfile
import tracemalloc
from pathlib import Path

import pytest

from compressor.base.text import listing
from compressor.recipe import shipped
from compressor.recipe.document import read
from compressor.recipe.load import load
from compressor.recipe.problems import RecipeError


def said_of(path):
    with pytest.raises(RecipeError) as caught:
        load(path)
    return str(caught.value)


@contextlib.contextmanager
def as_nobody():
    """Without the rights of root, who may read anything."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65_534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.fixture
def public_folder():
    """A folder that everybody may enter, unlike pytest's."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_a_file_that_is_not_there_is_told_with_the_recipes_that_ship(here):
    assert said_of("nowhere.yaml") == (
        "error: nowhere.yaml: there is no such file or shipped recipe; known: " + listing(shipped.names())
    )


def test_a_shipped_recipe_that_is_misspelt_is_recognised_whatever_stands_around_it(here):
    hint = "there is no such file or shipped recipe; did you mean 'prune_qat'?"
    assert said_of("prune_qt") == f"error: prune_qt: {hint}"
    assert said_of("recipes/prune_qt.yaml") == f"error: recipes/prune_qt.yaml: {hint}"
    assert said_of("recipes\\prune_qt.yaml") == f"error: recipes\\prune_qt.yaml: {hint}"


def test_a_file_that_vanishes_is_told_with_its_path(here):
    with pytest.raises(RecipeError) as caught:
        read(Path("gone.yaml"))
    assert str(caught.value) == "error: gone.yaml: no such file; check the path, or list the folder"


def test_a_folder_is_told_with_its_path(here):
    Path("my recipes").mkdir()
    assert said_of("my recipes") == "error: my recipes: is a folder; name a recipe file in it"
    assert said_of("") == "error: .: is a folder; name a recipe file in it"


def test_a_pipe_is_refused_and_never_waited_for(here):
    os.mkfifo("pipe.yaml")
    assert said_of("pipe.yaml") == "error: pipe.yaml: is not a regular file; name a recipe file"


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/stdin"])
def test_a_device_is_refused_and_never_read(device):
    if not Path(device).exists() or Path(device).is_file():
        pytest.skip(f"no device {device} here")
    assert said_of(device) == f"error: {device}: is not a regular file; name a recipe file"


def test_a_link_that_leads_nowhere_or_to_itself_is_no_file(here):
    Path("dangling.yaml").symlink_to("nowhere.yaml")
    Path("loop.yaml").symlink_to("loop.yaml")
    for name in ("dangling.yaml", "loop.yaml"):
        assert said_of(name).startswith(f"error: {name}: there is no such file or shipped recipe; known: ")


def test_a_path_that_no_system_takes_is_no_file(here):
    assert said_of("a\0b.yaml").startswith(r"error: a\x00b.yaml: there is no such file or shipped recipe; known: ")
    assert said_of("x" * 5_000).endswith("there is no such file or shipped recipe; known: " + listing(shipped.names()))


def test_a_file_that_may_not_be_read_is_told_so(public_folder):
    path = public_folder / "recipe.yaml"
    path.write_text("version: 1")
    path.chmod(0)
    with as_nobody():
        said = said_of(path)
    assert said == f"error: {path}: cannot be read (Permission denied); check the path and its permissions"


def test_a_file_in_a_folder_that_may_not_be_entered_is_told_so(public_folder):
    (public_folder / "closed").mkdir()
    path = public_folder / "closed" / "recipe.yaml"
    path.write_text("version: 1")
    path.parent.chmod(0)
    with as_nobody():
        said = said_of(path)
    path.parent.chmod(0o755)
    assert said == f"error: {path}: cannot be read (Permission denied); check the path and its permissions"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is a binary file; name a recipe, which is YAML text in UTF-8"),
        (b"version: 1\0", "is a binary file; name a recipe, which is YAML text in UTF-8"),
        ("version: 1".encode("utf-16"), "is UTF-16 text; save it as UTF-8"),
        (b"\xfe\xff" + "version: 1".encode("utf-16-be"), "is UTF-16 text; save it as UTF-8"),
        (b"version: 1\nname: caf\xe9\n", "is not UTF-8 text (line 2); save it as UTF-8"),
        (b"version: 1\r\n\r\nname: \xff\r\n", "is not UTF-8 text (line 3); save it as UTF-8"),
        (b"\xed\xa0\x80", "is not UTF-8 text (line 1); save it as UTF-8"),
        (b"\x80\x04K\x01.", "is not UTF-8 text (line 1); save it as UTF-8"),
    ],
)
def test_a_file_that_is_no_text_is_told_by_what_it_is(write, content, problem):
    assert said_of(write(content)) == f"error: recipe.yaml: {problem}"


def test_a_large_file_is_refused_without_being_read(here):
    with Path("large.yaml").open("wb") as stream:
        stream.truncate(50_000_000)
    tracemalloc.start()
    said = said_of("large.yaml")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert said == ("error: large.yaml: is larger than 1,000,000 bytes; a recipe is a short text, so name another file")
    assert peak < 10_000_000


def test_a_file_of_the_largest_size_is_read(write):
    assert read(write("a: 1 #" + "x" * 999_994)).plain() == {"a": 1}


def test_a_path_with_spaces_and_odd_characters_is_shown_as_it_is_but_for_what_a_terminal_obeys(write):
    assert said_of(write("", "my recipes/größe 日.yaml")) == (
        "my recipes/größe 日.yaml:1:1: error: the recipe is empty; start it with 'version: 1'"
    )
    assert said_of(write("", "\x1b[31mred\n.yaml")) == (
        r"\x1b[31mred\n.yaml:1:1: error: the recipe is empty; start it with 'version: 1'"
    )


def test_a_file_whose_name_is_not_text_can_be_told(here):
    name = os.fsdecode(b"caf\xe9.yaml")
    try:
        Path(name).write_text("")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    assert said_of(name) == r"caf\udce9.yaml:1:1: error: the recipe is empty; start it with 'version: 1'"
