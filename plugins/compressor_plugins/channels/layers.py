"""What each kind of layer does with channels, the last axis of what it takes."""

from __future__ import annotations

import numpy as np

from compressor_plugins.channels.types import Atoms, Call, ChannelGroups, Fixing, Setting, Slot

_PASSING = (
    *("ReLU", "LeakyReLU", "ELU", "ThresholdedReLU", "Dropout", "SpatialDropout1D", "SpatialDropout2D"),
    *("SpatialDropout3D", "GaussianDropout", "GaussianNoise", "ActivityRegularization"),
    *("MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "AveragePooling1D", "AveragePooling2D", "AveragePooling3D"),
    *("GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D", "GlobalMaxPooling1D"),
    *("GlobalMaxPooling2D", "GlobalMaxPooling3D", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D", "Cropping1D"),
    *("Cropping2D", "Cropping3D", "UpSampling1D", "UpSampling2D", "UpSampling3D"),
)
_MERGES = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")
_CONVOLUTIONS = ("Conv1D", "Conv2D", "Conv3D")
_TRANSPOSED = ("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")
_MIXING = ("softmax", "log_softmax")  # activations that look at all channels at once


def flow(groups: ChannelGroups, call: Call, fixing: Fixing) -> Atoms | None:
    """The atoms that a call gives out, joined with those that it takes; None where it is not understood."""
    layer, node = call.layer, call.node
    if not call.inputs or len(node.shapes) != 1 or layer.config.get("data_format") == "channels_first":
        return None
    if any(len(shape) < 2 or shape[-1] is None for shape in (*call.shapes, *node.shapes)):
        return None
    if layer.kind in _MERGES or layer.kind == "Concatenate":
        return _merged(groups, call)
    if len(call.inputs) != 1:
        return None
    if layer.kind == "Softmax" or (layer.kind == "Activation" and layer.config["activation"] in _MIXING):
        groups.fix(call.inputs[0], f"'{layer.name}' looks at all its channels at once")
        return call.inputs[0]
    if layer.kind in (*_PASSING, "Activation"):
        return call.inputs[0]
    if layer.kind in ("Flatten", "Reshape"):
        return _reshaped(groups, call)
    if layer.kind in _KEEPING:
        return _keeping(groups, call)
    return _making(groups, call, fixing) if layer.kind in _MAKING else None


def _merged(groups: ChannelGroups, call: Call) -> Atoms | None:
    axis, rank = call.layer.config.get("axis"), len(call.shapes[0])
    if call.layer.kind == "Concatenate" and axis in (-1, rank - 1):
        return np.concatenate(call.inputs)
    first = call.inputs[0]
    if any(
        len(shape) != rank or len(atoms) != len(first) for shape, atoms in zip(call.shapes, call.inputs, strict=True)
    ):
        return None  # what is stretched over channels is no channel
    for other in call.inputs[1:]:
        groups.join(first, other)
    return first


def _reshaped(groups: ChannelGroups, call: Call) -> Atoms | None:
    """A shape whose last axis holds all channels once, or again and again; in a row of memory they follow alike."""
    (atoms,), made = call.inputs, call.node.shapes[0][-1] or 0
    if not len(atoms) or made % len(atoms) or not made:
        return None
    repeated = np.tile(atoms, made // len(atoms))
    if call.layer.kind == "Reshape" and not _has(groups, call):
        last = len(call.layer.config["target_shape"]) - 1
        if call.layer.config["target_shape"][last] != -1:
            groups.settings.append(Setting(call.layer.name, "target_shape", repeated, last))
    return repeated


def _keeping(groups: ChannelGroups, call: Call) -> Atoms | None:
    """A layer with weights for each channel that it takes, and gives out as many, or a multiple."""
    (atoms,) = call.inputs
    layer = call.layer
    if layer.kind == "PReLU":
        axes = [(0, -1)] if layer.weights[0].shape[-1] == len(atoms) else []
    elif layer.kind == "DepthwiseConv2D":
        axes = [(0, 2)]
    else:
        axis = layer.config["axis"]
        (axis,) = axis if isinstance(axis, list | tuple) and len(axis) == 1 else (axis,)
        if axis not in (-1, len(call.shapes[0]) - 1):
            return None
        axes = [(index, 0) for index in range(len(layer.weights))]
    times = layer.config.get("depth_multiplier", 1) if layer.kind == "DepthwiseConv2D" else 1
    if layer.config.get("activation") in _MIXING:
        return None
    made = np.repeat(atoms, times)
    if _has(groups, call):
        groups.join(_atoms_of(groups, call), atoms)
        return made
    groups.slots += [Slot(layer.name, weight, axis, atoms) for weight, axis in axes]
    if layer.kind == "DepthwiseConv2D" and len(layer.weights) > 1:
        groups.slots.append(Slot(layer.name, 1, 0, made))
    return made


def _making(groups: ChannelGroups, call: Call, fixing: Fixing) -> Atoms | None:
    """A layer that takes channels and makes others."""
    (atoms,) = call.inputs
    layer = call.layer
    if layer.config.get("groups", 1) != 1:
        return None
    count, taking, making = _MAKING[layer.kind]
    if _has(groups, call):
        groups.join(_atoms_of(groups, call), atoms)
        return next(slot.atoms for slot in groups.slots if slot.layer == layer.name and slot.makes)
    reason = fixing(layer)
    if layer.config.get("activation") in _MIXING:
        reason = f"its {layer.config['activation']} looks at all its channels at once"
    made = groups.fresh(int(layer.config[count]), reason or None)
    groups.slots += [Slot(layer.name, weight, axis, atoms) for weight, axis in taking[:1]]
    groups.slots += [
        Slot(layer.name, weight, axis, np.repeat(atoms, layer.config["depth_multiplier"]))
        for weight, axis in taking[1:]
    ]
    kernel, axis = making
    groups.slots.append(Slot(layer.name, kernel, axis, made, makes=True))
    if len(layer.weights) > kernel + 1:
        groups.slots.append(Slot(layer.name, kernel + 1, 0, made))  # the bias
    groups.settings.append(Setting(layer.name, count, made))
    return made


def _has(groups: ChannelGroups, call: Call) -> bool:
    """Whether the layer was called before."""
    return call.layer.name in groups.taken


def _atoms_of(groups: ChannelGroups, call: Call) -> Atoms:
    """What the layer took when it was called first."""
    return next((slot.atoms for slot in groups.slots if slot.layer == call.layer.name), call.inputs[0])


_KEEPING = ("BatchNormalization", "SyncBatchNormalization", "DepthwiseConv2D", "PReLU")
# for each kind: the setting that counts channels, (weight, axis) of those it takes, and of those it makes
_MAKING: dict[str, tuple[str, list[tuple[int, int]], tuple[int, int]]] = {
    "Dense": ("units", [(0, 0)], (0, 1)),
    **{kind: ("filters", [(0, -2)], (0, -1)) for kind in _CONVOLUTIONS},
    **{kind: ("filters", [(0, -1)], (0, -2)) for kind in _TRANSPOSED},
    "SeparableConv1D": ("filters", [(0, 1), (1, 1)], (1, 2)),
    "SeparableConv2D": ("filters", [(0, 2), (1, 2)], (1, 3)),
}
