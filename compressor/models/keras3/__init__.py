"""Conversion between Keras 3 and Keras 2, each result compared with Keras 3 itself.

Pruning, clustering and quantization-aware training live in Keras 2 (tf_keras), and most models of today are saved by
Keras 3. The two share weights and mathematics, but neither reads the other's files.
"""

from compressor.models.keras3.detect import is_keras3
from compressor.models.keras3.from_keras3 import Bridged, bridge, from_keras3
from compressor.models.keras3.to_keras3 import to_keras3

__all__ = ["Bridged", "bridge", "from_keras3", "is_keras3", "to_keras3"]
