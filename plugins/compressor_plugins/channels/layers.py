"""Follows channels, the last axis of a tensor, through a layer, by what the record of its class says."""

from __future__ import annotations

import numpy as np

from compressor.contracts.keras_layer_support import keras_layer
from compressor_plugins.channels.types import Atoms, Call, ChannelGroups, Fixing, Setting, Slot
from compressor_plugins.graph.layer_graph import GraphLayer

_MIXING = ("softmax", "log_softmax")  # activations that look at all channels at once


def flow(groups: ChannelGroups, call: Call, fixing: Fixing) -> Atoms | None:
    """The atoms that a call gives out, joined with those that it takes; None where it is not understood."""
    layer, node = call.layer, call.node
    known = keras_layer(layer.kind)
    if not call.inputs or len(node.shapes) != 1 or layer.config.get("data_format") == "channels_first":
        return None
    if any(len(shape) < 2 or shape[-1] is None for shape in (*call.shapes, *node.shapes)):
        return None
    if known.channels in ("merged", "concatenated"):
        return _merged(groups, call)
    if len(call.inputs) != 1:
        return None
    if known.channels == "mixed" or (known.channels == "kept" and layer.config.get("activation") in _MIXING):
        groups.fix(call.inputs[0], f"'{layer.name}' looks at all its channels at once")
        return call.inputs[0]
    if known.channels == "kept":
        return call.inputs[0]
    if known.channels == "reshaped":
        return _reshaped(groups, call)
    if known.channels == "scaled":
        return _scaled(groups, call)
    return _made(groups, call, fixing) if known.channel_option else None


def _merged(groups: ChannelGroups, call: Call) -> Atoms | None:
    axis, rank = call.layer.config.get("axis"), len(call.shapes[0])
    if keras_layer(call.layer.kind).channels == "concatenated" and axis in (-1, rank - 1):
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
    if "target_shape" in call.layer.config and not _has(groups, call):
        last = len(call.layer.config["target_shape"]) - 1
        if call.layer.config["target_shape"][last] != -1:
            groups.settings.append(Setting(call.layer.name, "target_shape", repeated, last))
    return repeated


def _scaled(groups: ChannelGroups, call: Call) -> Atoms | None:
    """A layer with weights for each channel that it takes, and gives out as many, or a multiple."""
    (atoms,) = call.inputs
    layer = call.layer
    axis = layer.config.get("axis", -1)
    (axis,) = axis if isinstance(axis, list | tuple) and len(axis) == 1 else (axis,)
    if axis not in (-1, len(call.shapes[0]) - 1) or layer.config.get("activation") in _MIXING:
        return None
    made = _multiplied(groups, layer, atoms)
    if _has(groups, call):
        groups.join(_atoms_of(groups, call), atoms)
        return made
    if kernels := keras_layer(layer.kind).kernels:
        groups.slots += [Slot(layer.name, weight, kernel.takes, atoms) for weight, kernel in enumerate(kernels)]
        groups.slots += [Slot(layer.name, weight, 0, made) for weight in range(len(kernels), len(layer.weights))]
    else:  # a weight may also be one that all channels share
        sizes = enumerate(weight.shape[-1] for weight in layer.weights)
        groups.slots += [Slot(layer.name, weight, -1, atoms) for weight, size in sizes if size == len(atoms)]
    return made


def _multiplied(groups: ChannelGroups, layer: GraphLayer, atoms: Atoms) -> Atoms:
    """The channels that a depthwise kernel makes: each of those that it takes, as often as its multiplier says."""
    count = layer.config.get("depth_multiplier", 1)
    if count > 1:
        groups.multiplied[layer.name] = atoms
    return np.repeat(atoms, count)


def _made(groups: ChannelGroups, call: Call, fixing: Fixing) -> Atoms | None:
    """A layer that takes channels and makes others."""
    (atoms,) = call.inputs
    layer = call.layer
    if layer.config.get("groups", 1) != 1:
        return None
    known = keras_layer(layer.kind)
    if _has(groups, call):
        groups.join(_atoms_of(groups, call), atoms)
        return next(slot.atoms for slot in groups.slots if slot.layer == layer.name and slot.makes)
    reason = fixing(layer)
    if layer.config.get("activation") in _MIXING:
        reason = f"its {layer.config['activation']} looks at all its channels at once"
    made = groups.fresh(int(layer.config[known.channel_option]), reason or None)
    last = len(known.kernels) - 1
    for weight, kernel in enumerate(known.kernels):  # the second one takes what the first, depthwise, makes
        taken = _multiplied(groups, layer, atoms) if weight else atoms
        groups.slots.append(Slot(layer.name, weight, kernel.takes, taken, adds_up=weight == last))
    groups.slots.append(Slot(layer.name, last, known.kernels[last].makes[0], made, makes=True))
    if len(layer.weights) > last + 1:
        groups.slots.append(Slot(layer.name, last + 1, 0, made))  # the bias
    groups.settings.append(Setting(layer.name, known.channel_option, made))
    return made


def _has(groups: ChannelGroups, call: Call) -> bool:
    """Whether the layer was called before."""
    return call.layer.name in groups.taken


def _atoms_of(groups: ChannelGroups, call: Call) -> Atoms:
    """What the layer took when it was called first."""
    return next((slot.atoms for slot in groups.slots if slot.layer == call.layer.name), call.inputs[0])
