"""Strategies for compressor."""

from __future__ import annotations

import compressor

from my_plugin.clip import Clip
from my_plugin.trim import Trim

__all__ = ["Clip", "Trim"]

api_version = 1  # of compressor's contracts with plugins


@compressor.hookimpl
def strategies() -> list[type[compressor.Strategy]]:
    """The strategies that this package brings."""
    return [Trim, Clip]
