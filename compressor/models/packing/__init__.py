"""Packages: a LiteRT file entropy-coded, as it ships.

What is named here is for plugins, too; the modules behind it may change.
"""

from compressor.models.packing.package import coder_of, pack, unpack

__all__ = ["coder_of", "pack", "unpack"]
