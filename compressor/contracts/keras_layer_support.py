"""The support for each Keras layer class: one record per class, read by every step and by the bridge to Keras 3.

To support a class, add its record here. A class without one stays in float, keeps its channels, and does not cross the
bridge.
"""

from __future__ import annotations

from collections.abc import Mapping

from compressor.contracts.layer_record import Bridge, KerasLayer, Kernel, OptionChanges, Quantization, RowImage

_KERNEL = Kernel()
_TRANSPOSED = Kernel(takes=-1, makes=(-2,))
_DEPTHWISE = Kernel("depthwise_kernel", makes=(-2, -1))
_SEPARABLE = (_DEPTHWISE, Kernel("pointwise_kernel"))

_OWN_RANGE = Quantization(output="own")
_ONE_RANGE = Quantization(output="own", shares_range=True)
_RANGE_OF_INPUT = Quantization(output="input")
_PREPROCESSING = Quantization(is_preprocessing=True)

_SAME_ON_ROWS = RowImage()
_AXIS_ON_ROWS = RowImage(options={"axis": "axis + 1"})
_END_OF_ROWS = RowImage(place="end")


def _convolution_on_rows(layer: str) -> RowImage:
    # the stride between rows changes nothing where there is one row, and a depthwise convolution wants both alike
    return RowImage(layer, {"kernel_size": "(1, x)", "strides": "(x, x)", "dilation_rate": "(1, x)"}, "start")


def _pooling_on_rows(layer: str) -> RowImage:
    return RowImage(layer, {"pool_size": "(1, x)", "strides": "(1, x)"})


def _without_outward(*options: str) -> Bridge:
    """For options of Keras 2 that change no result, or that the layer inherits and never uses."""
    return Bridge(outward=OptionChanges(dropped=dict.fromkeys(options, "any")))


_TRANSPOSED_BRIDGE = _without_outward("groups")
_DEPTHWISE_BRIDGE = _without_outward("groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint")
_GATED_CELL_BRIDGE = _without_outward("implementation")
_ZEROED: Mapping[str, tuple[bool]] = {"zero_output_for_mask": (False,)}
_FROM_RNN = OptionChanges(dropped={"time_major": (False,), **_ZEROED})
_RNN_BRIDGE = Bridge(OptionChanges(unnamed=tuple(_ZEROED)), _FROM_RNN)
_CONV_RNN_BRIDGE = Bridge(OptionChanges(dropped=_ZEROED), _FROM_RNN)
_GATED_RNN_BRIDGE = Bridge(
    OptionChanges(dropped={"use_cudnn": "any"}, unnamed=tuple(_ZEROED)),
    OptionChanges(dropped={**_FROM_RNN.dropped, "implementation": "any"}),
)

KERAS_LAYERS: Mapping[str, KerasLayer] = {
    # dense layers and convolutions
    "Dense": KerasLayer(
        kernels=(_KERNEL,),
        channel_option="units",
        equalization="weights",
        fused_relu="activation",
        folded_batch_norm="weights",  # its one scale cannot take a factor for each channel
        quantization=Quantization(weights="tensor"),
    ),
    "EinsumDense": KerasLayer(),
    "Conv1D": KerasLayer(
        kernels=(_KERNEL,),
        channel_option="filters",
        fused_relu="activation",
        folded_batch_norm="converter",
        row_image=_convolution_on_rows("Conv2D"),
    ),
    "Conv2D": KerasLayer(
        kernels=(_KERNEL,),
        channel_option="filters",
        equalization="weights",
        fused_relu="activation",
        folded_batch_norm="converter",
        quantization=Quantization(weights="channel"),
    ),
    "Conv3D": KerasLayer(kernels=(_KERNEL,), channel_option="filters"),
    "Conv1DTranspose": KerasLayer(
        kernels=(_TRANSPOSED,),
        channel_option="filters",
        row_image=RowImage(
            "Conv2DTranspose",
            {"kernel_size": "(1, x)", "strides": "(1, x)", "dilation_rate": "(x, x)", "output_padding": "(0, x)"},
            "start",
        ),
        quantization=Quantization(fewest_bits=8),
        bridge=_TRANSPOSED_BRIDGE,
    ),
    "Conv2DTranspose": KerasLayer(
        kernels=(_TRANSPOSED,),
        channel_option="filters",
        equalization="weights",
        fused_relu="activation",
        folded_batch_norm="converter",
        quantization=Quantization(weights="tensor", fewest_bits=8),
        bridge=_TRANSPOSED_BRIDGE,
    ),
    "Conv3DTranspose": KerasLayer(kernels=(_TRANSPOSED,), channel_option="filters", bridge=_TRANSPOSED_BRIDGE),
    "DepthwiseConv1D": KerasLayer(
        kernels=(_DEPTHWISE,), row_image=_convolution_on_rows("DepthwiseConv2D"), bridge=_DEPTHWISE_BRIDGE
    ),
    "DepthwiseConv2D": KerasLayer(
        kernels=(_DEPTHWISE,),
        channels="scaled",
        equalization="weights",
        fused_relu="activation",
        folded_batch_norm="converter",
        quantization=Quantization(weights="channel"),
        bridge=_DEPTHWISE_BRIDGE,
    ),
    "SeparableConv1D": KerasLayer(
        kernels=_SEPARABLE,
        channel_option="filters",
        row_image=_convolution_on_rows("SeparableConv2D"),
        bridge=_DEPTHWISE_BRIDGE,
    ),
    "SeparableConv2D": KerasLayer(  # split in two before it is quantized
        kernels=_SEPARABLE,
        channel_option="filters",
        fused_relu="activation",
        bridge=_DEPTHWISE_BRIDGE,
    ),
    # normalization
    "BatchNormalization": KerasLayer(
        channels="scaled",
        fused_relu="converter",
        is_batch_norm=True,
        row_image=_AXIS_ON_ROWS,
        quantization=Quantization(output="own", joins_range=True),
    ),
    "SyncBatchNormalization": KerasLayer(channels="scaled", is_batch_norm=True, row_image=_AXIS_ON_ROWS, bridge=None),
    "LayerNormalization": KerasLayer(bridge=Bridge(OptionChanges(dropped={"rms_scaling": (False,)}))),
    "GroupNormalization": KerasLayer(),
    "UnitNormalization": KerasLayer(),
    # activations
    "Activation": KerasLayer(channels="kept", row_image=_SAME_ON_ROWS, quantization=Quantization(output="activation")),
    "ReLU": KerasLayer(
        channels="kept", row_image=_SAME_ON_ROWS, quantization=Quantization(output="own", joins_range=True)
    ),
    "LeakyReLU": KerasLayer(
        channels="kept",
        row_image=_SAME_ON_ROWS,
        quantization=_OWN_RANGE,
        bridge=Bridge(
            OptionChanges(renamed={"negative_slope": "alpha"}), OptionChanges(renamed={"alpha": "negative_slope"})
        ),
    ),
    "PReLU": KerasLayer(channels="scaled"),
    "ELU": KerasLayer(channels="kept", row_image=_SAME_ON_ROWS),
    "ThresholdedReLU": KerasLayer(channels="kept", bridge=None),
    "Softmax": KerasLayer(
        channels="mixed", quantization=Quantization(output="known"), bridge=_without_outward("robust_masking")
    ),
    # merging
    "Add": KerasLayer(
        channels="merged",
        fused_relu="converter",
        row_image=_SAME_ON_ROWS,
        quantization=Quantization(output="own", joins_range=True),
    ),
    "Subtract": KerasLayer(channels="merged", row_image=_SAME_ON_ROWS, quantization=_OWN_RANGE),
    "Multiply": KerasLayer(channels="merged", row_image=_SAME_ON_ROWS, quantization=_OWN_RANGE),
    "Average": KerasLayer(channels="merged", row_image=_SAME_ON_ROWS, quantization=_OWN_RANGE),
    "Maximum": KerasLayer(channels="merged", row_image=_SAME_ON_ROWS, quantization=_ONE_RANGE),
    "Minimum": KerasLayer(channels="merged", row_image=_SAME_ON_ROWS, quantization=_ONE_RANGE),
    "Concatenate": KerasLayer(channels="concatenated", row_image=_AXIS_ON_ROWS, quantization=_ONE_RANGE),
    "Dot": KerasLayer(),
    # pooling
    "MaxPooling1D": KerasLayer(
        channels="kept", row_image=_pooling_on_rows("MaxPooling2D"), quantization=_RANGE_OF_INPUT
    ),
    "MaxPooling2D": KerasLayer(channels="kept", equalization="between", quantization=_RANGE_OF_INPUT),
    "MaxPooling3D": KerasLayer(channels="kept"),
    "AveragePooling1D": KerasLayer(
        channels="kept", row_image=_pooling_on_rows("AveragePooling2D"), quantization=_RANGE_OF_INPUT
    ),
    "AveragePooling2D": KerasLayer(channels="kept", equalization="between", quantization=_RANGE_OF_INPUT),
    "AveragePooling3D": KerasLayer(channels="kept"),
    "GlobalMaxPooling1D": KerasLayer(
        channels="kept", row_image=RowImage("GlobalMaxPooling2D", place="end"), quantization=_RANGE_OF_INPUT
    ),
    "GlobalMaxPooling2D": KerasLayer(channels="kept", equalization="between", quantization=_RANGE_OF_INPUT),
    "GlobalMaxPooling3D": KerasLayer(channels="kept"),
    "GlobalAveragePooling1D": KerasLayer(
        channels="kept", row_image=RowImage("GlobalAveragePooling2D", place="end"), quantization=_OWN_RANGE
    ),
    "GlobalAveragePooling2D": KerasLayer(channels="kept", equalization="between", quantization=_OWN_RANGE),
    "GlobalAveragePooling3D": KerasLayer(channels="kept"),
    # shapes
    "Flatten": KerasLayer(
        channels="reshaped", equalization="between", row_image=_END_OF_ROWS, quantization=_RANGE_OF_INPUT
    ),
    "Reshape": KerasLayer(channels="reshaped", row_image=_END_OF_ROWS, quantization=_RANGE_OF_INPUT),
    "Permute": KerasLayer(quantization=_RANGE_OF_INPUT),
    "RepeatVector": KerasLayer(),
    "ZeroPadding1D": KerasLayer(
        channels="kept",
        row_image=RowImage("ZeroPadding2D", {"padding": "((0, 0), x)"}),
        quantization=_RANGE_OF_INPUT,
    ),
    "ZeroPadding2D": KerasLayer(channels="kept", equalization="between", quantization=_RANGE_OF_INPUT),
    "ZeroPadding3D": KerasLayer(channels="kept"),
    "Cropping1D": KerasLayer(
        channels="kept",
        row_image=RowImage("Cropping2D", {"cropping": "((0, 0), x)"}),
        quantization=_RANGE_OF_INPUT,
    ),
    "Cropping2D": KerasLayer(channels="kept", equalization="between", quantization=_RANGE_OF_INPUT),
    "Cropping3D": KerasLayer(channels="kept"),
    "UpSampling1D": KerasLayer(channels="kept", row_image=RowImage("UpSampling2D", {"size": "(1, x)"})),
    "UpSampling2D": KerasLayer(channels="kept", equalization="between", quantization=_OWN_RANGE),
    "UpSampling3D": KerasLayer(channels="kept"),
    # layers that do nothing after training
    "Identity": KerasLayer(),
    "Dropout": KerasLayer(
        channels="kept", equalization="between", row_image=_SAME_ON_ROWS, quantization=_RANGE_OF_INPUT
    ),
    "SpatialDropout1D": KerasLayer(
        channels="kept", row_image=RowImage("SpatialDropout2D"), quantization=_RANGE_OF_INPUT
    ),
    "SpatialDropout2D": KerasLayer(channels="kept", equalization="between", quantization=_RANGE_OF_INPUT),
    "SpatialDropout3D": KerasLayer(channels="kept", quantization=_RANGE_OF_INPUT),
    "GaussianDropout": KerasLayer(channels="kept", row_image=_SAME_ON_ROWS, quantization=_RANGE_OF_INPUT),
    "GaussianNoise": KerasLayer(channels="kept", row_image=_SAME_ON_ROWS, quantization=_RANGE_OF_INPUT),
    "AlphaDropout": KerasLayer(quantization=_RANGE_OF_INPUT),
    "ActivityRegularization": KerasLayer(channels="kept", equalization="between", quantization=_RANGE_OF_INPUT),
    # sequences
    "Embedding": KerasLayer(bridge=_without_outward("input_length")),
    "Masking": KerasLayer(),
    "RNN": KerasLayer(is_recurrent=True, bridge=_RNN_BRIDGE),
    "SimpleRNN": KerasLayer(is_recurrent=True, bridge=_RNN_BRIDGE),
    "LSTM": KerasLayer(is_recurrent=True, bridge=_GATED_RNN_BRIDGE),
    "GRU": KerasLayer(is_recurrent=True, bridge=_GATED_RNN_BRIDGE),
    "ConvLSTM1D": KerasLayer(is_recurrent=True, bridge=_CONV_RNN_BRIDGE),
    "ConvLSTM2D": KerasLayer(is_recurrent=True, bridge=_CONV_RNN_BRIDGE),
    "ConvLSTM3D": KerasLayer(is_recurrent=True, bridge=_CONV_RNN_BRIDGE),
    "Bidirectional": KerasLayer(is_recurrent=True),
    "TimeDistributed": KerasLayer(),
    "LSTMCell": KerasLayer(bridge=_GATED_CELL_BRIDGE),
    "GRUCell": KerasLayer(bridge=_GATED_CELL_BRIDGE),
    "SimpleRNNCell": KerasLayer(),
    "StackedRNNCells": KerasLayer(),
    "Attention": KerasLayer(),
    "AdditiveAttention": KerasLayer(bridge=Bridge(OptionChanges(dropped={"score_mode": ("dot",)}))),
    "MultiHeadAttention": KerasLayer(
        bridge=Bridge(
            OptionChanges(dropped={"flash_attention": "any", "use_gate": (False,)}),
            _without_outward("query_shape", "key_shape", "value_shape", "softmax_robust_masking").outward,
        )
    ),
    # preprocessing
    "Rescaling": KerasLayer(quantization=_PREPROCESSING),
    "Normalization": KerasLayer(quantization=_PREPROCESSING),
    "Discretization": KerasLayer(quantization=_PREPROCESSING),
    "CategoryEncoding": KerasLayer(quantization=_PREPROCESSING),
    "CenterCrop": KerasLayer(quantization=_PREPROCESSING),
    "Resizing": KerasLayer(
        quantization=_PREPROCESSING,
        bridge=Bridge(
            OptionChanges(  # what a fill is of matters to pad_to_aspect_ratio alone
                dropped={
                    "antialias": (False,),
                    "pad_to_aspect_ratio": (False,),
                    "fill_mode": "any",
                    "fill_value": "any",
                }
            )
        ),
    ),
    "RandomBrightness": KerasLayer(quantization=_PREPROCESSING),
    "RandomContrast": KerasLayer(
        quantization=_PREPROCESSING, bridge=Bridge(OptionChanges(dropped={"value_range": ([0, 255],)}))
    ),
    "RandomCrop": KerasLayer(quantization=_PREPROCESSING, bridge=None),
    "RandomFlip": KerasLayer(quantization=_PREPROCESSING),
    "RandomHeight": KerasLayer(quantization=_PREPROCESSING, bridge=None),
    "RandomRotation": KerasLayer(quantization=_PREPROCESSING),
    "RandomTranslation": KerasLayer(quantization=_PREPROCESSING),
    "RandomWidth": KerasLayer(quantization=_PREPROCESSING, bridge=None),
    "RandomZoom": KerasLayer(quantization=_PREPROCESSING),
}

_UNKNOWN = KerasLayer(bridge=None)


def keras_layer(kind: str) -> KerasLayer:
    """The record of the class of this name, or one that allows nothing where there is none."""
    return KERAS_LAYERS.get(kind, _UNKNOWN)
