"""The registry of a command with `--plugin`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from compressor.base.errors import PluginError
from compressor.base.path_or_function import real_path

if TYPE_CHECKING:
    from compressor.planning.registry import Registry


def registry_with(plugins: Sequence[Path]) -> Registry:
    """The installed plugins, and those of local files. Runs the files' code.

    Raises:
        PluginError: a file is not there, or is not a working plugin.
    """
    from compressor.planning.registry import Registry

    registry = Registry.installed()
    for path in dict.fromkeys(real_path(path) for path in plugins):
        if not path.is_file():
            raise PluginError(f"there is no plugin file '{path}'", "check the path")
        try:
            registry = registry.with_file(path)
        except PluginError as error:
            raise PluginError(f"the plugin file '{path}' cannot be loaded: {error.what}", error.remedy) from error
    return registry
