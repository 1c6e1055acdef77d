"""Fixtures: recipes as files in a folder of their own, and what is said of those that are wrong."""

import signal
import textwrap
from pathlib import Path

import pytest
from hypothesis import settings

from compressor.recipe.document import parse
from compressor.recipe.load import load
from compressor.recipe.problems import RecipeError, Source

SECONDS = 60  # far more than any text may take, on any machine

# a single case may wait for a machine that is busy with something else
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture(autouse=True)
def bounded_time():
    """No text keeps the reader busy, and none makes it wait."""

    def stop(*_):
        raise TimeoutError(f"took longer than {SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder, which is the current one, so that its files go by short names."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write(here):
    """Makes a file of text or bytes: `write(content)`, `write(content, name)`."""

    def write(content, name="recipe.yaml"):
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else textwrap.dedent(content).encode())
        return path

    return write


@pytest.fixture
def refusal(write):
    """What is said of a recipe that is wrong: `refusal(content, *overrides)`."""

    def refusal(content, *overrides):
        with pytest.raises(RecipeError) as caught:
            load(write(content), overrides)
        return str(caught.value)

    return refusal


@pytest.fixture
def tree():
    """The tree of a text: `tree(text)`."""

    def tree(text):
        return parse(text, Source("recipe.yaml", tuple(text.splitlines()), Path("/recipes")))

    return tree


@pytest.fixture
def said(tree):
    """What is said of a text that is not the language: `said(text)`."""

    def said(text):
        with pytest.raises(RecipeError) as caught:
            tree(text)
        return str(caught.value)

    return said
