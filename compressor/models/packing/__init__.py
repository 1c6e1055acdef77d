"""The entropy-coded packages that LiteRT files ship in.

What is named here is for plugins, too; the modules behind it may change.
"""

from compressor.models.packing.coders import LARGE
from compressor.models.packing.compiled_coder import slow_because
from compressor.models.packing.model_coder import is_slim, weights_size
from compressor.models.packing.package import coder_of, pack, unpack

__all__ = ["LARGE", "coder_of", "is_slim", "pack", "slow_because", "unpack", "weights_size"]
