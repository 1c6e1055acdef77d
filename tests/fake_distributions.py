"""Distributions made on disk as an installer leaves them: a module, and a `.dist-info` with its entry point."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SHAVE = '''
import compressor


class Shave(compressor.Strategy):
    """Shave a little off. And no more."""

    name = "shave"

    def plan(self, state):
        return state.require(format="keras")

    def apply(self, model, context):
        return model


@compressor.hookimpl
def strategies():
    return [Shave]
'''


def installer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A function that has a distribution with one plugin installed for the time of a test."""
    site = folder / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)

    def install(distribution: str, code: str, version: str = "1.0") -> None:
        module = distribution.replace("-", "_")
        (site / f"{module}.py").write_text(code)
        info = site / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[compressor]\n{module} = {module}\n")
        monkeypatch.setitem(sys.modules, module, None)  # so that what the test imports is gone after it
        del sys.modules[module]

    return install
