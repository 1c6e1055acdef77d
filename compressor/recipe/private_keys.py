"""Keys that begin with `x-`: they hold values for anchors, or notes, and mean nothing to the tool."""

from __future__ import annotations

from compressor.recipe.tree import Node, with_entries

PREFIX = "x-"


def without_private_keys(tree: Node) -> Node:
    """The recipe without the keys that begin with `x-`, in mappings of every level."""
    if isinstance(tree.value, dict):
        entries = {key: without_private_keys(child) for key, child in tree.value.items() if not key.startswith(PREFIX)}
        return with_entries(tree, entries)
    if isinstance(tree.value, tuple):
        return with_entries(tree, tuple(map(without_private_keys, tree.value)))
    return tree
