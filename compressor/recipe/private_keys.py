"""Keys that begin with `x-`: they hold values for anchors, or notes, and mean nothing to the tool."""

from __future__ import annotations

from compressor.recipe.tree import Node, mapping, sequence

PREFIX = "x-"


def without_private_keys(tree: Node) -> Node:
    """The recipe without the keys that begin with `x-`, in mappings of every level."""
    if isinstance(tree.value, dict):
        entries = {key: without_private_keys(child) for key, child in tree.value.items() if not key.startswith(PREFIX)}
        return mapping(entries, like=tree)
    if isinstance(tree.value, tuple):
        return sequence(tuple(map(without_private_keys, tree.value)), like=tree)
    return tree
