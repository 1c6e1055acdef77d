"""What plugins and programs may rely on changes only with a line in the changelog."""

import warnings
from importlib import import_module
from importlib.metadata import version

import public_surface
import pytest

import compressor
from compressor.base import deprecations
from compressor.base.deprecations import Deprecated


def test_every_change_of_the_public_surface_is_in_the_changelog():
    before, now = set(public_surface.STORED.read_text().splitlines()), public_surface.surface()
    changed = [line for line in now if line not in before] + sorted(before - set(now))
    assert public_surface.untold(changed, public_surface.unreleased()) == [], (
        "name each of these in backticks under Unreleased in CHANGELOG.md"
    )


@pytest.mark.parametrize(
    ("lines", "text", "missing"),
    [
        (["compressor.rename(old: str) -> None"], "- `compressor.rename` is new", []),
        (["compressor.rename(old: str) -> None"], "- rename is new", ["compressor.rename(old: str) -> None"]),
        (["compressor.Split.size: int"], "- `Split` is new", ["compressor.Split.size: int"]),
        (["class compressor.Split()", "compressor.Split.size: int"], "- `Split` is new", []),
        (["compressor apply --fast / -f"], "- `apply --fast`", []),
        (["compressor apply --fast / -f"], "- `apply`", ["compressor apply --fast / -f"]),
    ],
)
def test_a_change_is_told_if_its_name_stands_in_backticks(lines, text, missing):
    assert public_surface.untold(lines, text) == missing


def test_every_public_name_can_be_imported_and_says_what_it_is_for():
    silent = []
    for module, names in public_surface.public_names().items():
        for name in names:
            value = getattr(import_module(module), name)
            if callable(value) and getattr(value, "__module__", "").startswith("compressor") and not value.__doc__:
                silent.append(f"{module}.{name}")
    assert silent == []


def test_a_deprecated_name_works_and_warns_where_it_is_used(monkeypatch):
    monkeypatch.setitem(deprecations.DEPRECATED, "compressor.Judge", Deprecated("compressor:Metric", "0.3"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert compressor.Judge is compressor.Metric
    (warning,) = caught
    assert str(warning.message) == "compressor.Judge is now compressor.Metric; the old name goes with compressor 0.3"
    assert (warning.category, warning.filename) == (DeprecationWarning, __file__)


def test_a_name_that_never_was_is_an_error():
    for module in (compressor, import_module("compressor.data"), import_module("compressor.models.litert")):
        with pytest.raises(AttributeError) as caught:
            module.StpError  # noqa: B018
        assert str(caught.value) == f"module '{module.__name__}' has no attribute 'StpError'"


def test_deprecated_names_are_removed_in_the_version_that_they_go_with():
    def number(text):
        return [int(part) for part in text.split(".")]

    overdue = [
        name for name, one in deprecations.DEPRECATED.items() if number(one.gone_in) <= number(version("compressor"))
    ]
    assert overdue == []
