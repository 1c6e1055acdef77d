"""Which layers and which of their options exist in both Keras 2 and Keras 3, and what the others default to."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_RECURRENT = "RNN LSTM GRU SimpleRNN ConvLSTM1D ConvLSTM2D ConvLSTM3D Bidirectional"
_OTHERS = """
    Dense EinsumDense Embedding Masking
    Conv1D Conv2D Conv3D Conv1DTranspose Conv2DTranspose Conv3DTranspose
    DepthwiseConv1D DepthwiseConv2D SeparableConv1D SeparableConv2D
    MaxPooling1D MaxPooling2D MaxPooling3D AveragePooling1D AveragePooling2D AveragePooling3D
    GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D
    GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D
    BatchNormalization LayerNormalization GroupNormalization UnitNormalization
    Activation ReLU LeakyReLU PReLU ELU Softmax Identity
    Add Subtract Multiply Average Maximum Minimum Concatenate Dot
    Flatten Reshape Permute RepeatVector
    ZeroPadding1D ZeroPadding2D ZeroPadding3D Cropping1D Cropping2D Cropping3D
    UpSampling1D UpSampling2D UpSampling3D
    Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D GaussianDropout GaussianNoise AlphaDropout
    ActivityRegularization
    LSTMCell GRUCell SimpleRNNCell StackedRNNCells TimeDistributed
    MultiHeadAttention Attention AdditiveAttention
    Rescaling Normalization Resizing CenterCrop CategoryEncoding Discretization
    RandomBrightness RandomContrast RandomFlip RandomRotation RandomTranslation RandomZoom
"""
_UNUSED_IN_KERAS2 = """
    implementation input_length batch_input_shape query_shape key_shape value_shape build_config
    robust_masking softmax_robust_masking groups kernel_initializer kernel_regularizer kernel_constraint
    force_generator rng_type
"""

RECURRENT = frozenset(_RECURRENT.split())
LAYERS = RECURRENT | frozenset(_OTHERS.split())
"""The layers that the bridge takes, in both directions."""


@dataclass(frozen=True)
class Direction:
    """What to do with options on the way from one Keras to the other.

    `renamed`: those that have another name there. `ignored`: those that change no result. `defaults`: what the Keras
    they come from takes for those that the other lacks; None, for all that are not listed. `extra`: those that a
    layer takes without naming them.
    """

    renamed: Mapping[tuple[str, str], str]
    ignored: frozenset[str]
    defaults: Mapping[str, tuple[Any, ...]]
    extra: Mapping[str, frozenset[str]]

    def sort(self, layer: type, config: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Sort a layer's options.

        Args:
            layer: the class that they go to.
            config: the options, as the Keras they come from writes them.

        Returns:
            Those to pass on, and those that the class does not have and that are set to something.
        """
        known = _accepted(layer) | self.extra.get(layer.__name__, frozenset())
        kept: dict[str, Any] = {}
        missing: dict[str, Any] = {}
        for key, value in config.items():
            name = self.renamed.get((layer.__name__, key), key)
            if name in known:
                kept[name] = value
            elif key not in self.ignored and value is not None and value not in self.defaults.get(key, ()):
                missing[key] = value
        return kept, missing


INWARD = Direction(
    renamed={("LeakyReLU", "negative_slope"): "alpha"},
    # a seed: training draws other random numbers anyway; the kernel chosen; what pad_to_aspect_ratio alone makes use of
    ignored=frozenset({"seed", "use_cudnn", "flash_attention", "fill_mode", "fill_value"}),
    defaults={
        "antialias": (False,),
        "data_format": ("channels_last",),
        "pad_to_aspect_ratio": (False,),
        "rms_scaling": (False,),
        "score_mode": ("dot",),
        "use_gate": (False,),
        "value_range": ([0, 255],),
        "zero_output_for_mask": (False,),
    },
    extra={name: frozenset({"zero_output_for_mask"}) for name in ("RNN", "LSTM", "GRU", "SimpleRNN")},
)
"""From Keras 3 to Keras 2."""

OUTWARD = Direction(
    renamed={("LeakyReLU", "alpha"): "negative_slope"},
    # the kernel chosen; shapes, which the graph gives; what depthwise and separable layers inherit and never use
    ignored=frozenset(_UNUSED_IN_KERAS2.split()),
    defaults={
        "ragged": (False,),
        "sparse": (False,),
        "synchronized": (False,),
        "time_major": (False,),
        "zero_output_for_mask": (False,),
    },
    extra={},
)
"""From Keras 2 to Keras 3."""

_OF_EVERY_LAYER = {"name", "trainable", "dtype", "activity_regularizer"}


def _accepted(layer: Any) -> set[str]:
    found = set(_OF_EVERY_LAYER)
    for cls in layer.__mro__:
        if "__init__" not in cls.__dict__:
            continue
        parameters = inspect.signature(cls.__init__).parameters.values()
        found |= {parameter.name for parameter in parameters if parameter.kind is not parameter.VAR_KEYWORD}
        if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in parameters):
            break
    return found
