"""Writes a model as the smallest flatbuffer: equal parts once, no default values, no padding but for alignment.

The model is first recorded as a graph of tables, vectors and strings, in which equal ones are one node; then the nodes
are laid out.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from compressor.models.litert.format.flatbuffer import IDENTIFIER, written
from compressor.models.litert.format.flatbuffer_nodes import Node, Reference, References, Table, Text, Vector
from compressor.models.litert.format.flatbuffer_recorder import recorded


def compact(model: Any) -> bytes:
    """The smallest file of a `ModelT` of the LiteRT schema."""
    return written(model, lambda model: laid_out(recorded(model)))


def laid_out(nodes: Sequence[Node]) -> bytes:
    """The flatbuffer of nodes. Each is written before those that it refers to, since offsets only lead forwards."""
    shapes = [_shape(node) for node in nodes]
    vtables: dict[bytes, int] = {}
    end = 8  # the root's offset and the identifier
    for shape in reversed(shapes):
        if shape.vtable and shape.vtable not in vtables:
            vtables[shape.vtable] = end
            end += len(shape.vtable)
    starts = [0] * len(nodes)
    for number in _ordered(nodes, shapes, end):
        starts[number] = shapes[number].start(end)
        end = starts[number] + shapes[number].size
    content = bytearray(end)
    struct.pack_into("<I4s", content, 0, starts[-1], IDENTIFIER)
    for vtable, start in vtables.items():
        content[start : start + len(vtable)] = vtable
    for number, node in enumerate(nodes):
        _write(node, shapes[number], starts, number, vtables, content)
    return bytes(content)


@dataclass(frozen=True)
class _Shape:
    """How a node lies in the file.

    Attributes:
        size: in bytes.
        alignment: of what lies `lead` bytes after its start.
        vtable: of a table: what tells where its fields are.
        places: of a table's fields, in bytes after its start.
    """

    size: int
    alignment: int = 4
    lead: int = 0
    vtable: bytes = b""
    places: tuple[int, ...] = ()

    def start(self, end: int) -> int:
        """The first place at or after `end` where it can start."""
        return _up(end + self.lead, self.alignment) - self.lead


def _ordered(nodes: Sequence[Node], shapes: Sequence[_Shape], end: int) -> Iterator[int]:
    """The order in which nodes are laid out from `end` on, by their numbers.

    Nodes that refer to others come first, each before those. Of the rest, the next one is always the one that needs the
    least padding; odd sizes come last.
    """
    leaves: dict[tuple[int, int, int], list[int]] = {}
    for number in reversed(range(len(nodes))):
        shape = shapes[number]
        if isinstance(nodes[number], Table | References):
            yield number
            end = shape.start(end) + shape.size
        else:
            leaves.setdefault((shape.alignment, shape.lead, shape.size % 8), []).append(number)
    while leaves:
        kind = min(leaves, key=lambda kind: (kind[2] % 4 > 0, shapes[leaves[kind][0]].start(end)))
        number = leaves[kind].pop(0)
        if not leaves[kind]:
            del leaves[kind]
        yield number
        end = shapes[number].start(end) + shapes[number].size


def _shape(node: Node) -> _Shape:
    if isinstance(node, Text):
        return _Shape(4 + len(node.content) + 1)
    if isinstance(node, References):
        return _Shape(4 + 4 * len(node.nodes))
    if isinstance(node, Vector):
        buffer = node.width == 1 and len(node.content) > 0
        wide = node.width == 8 or (buffer and len(node.content) % 8 == 0)  # a tensor's may hold wide numbers
        return _Shape(4 + len(node.content), 8 if wide else 4, 4)
    widths = [4 if isinstance(value, Reference) else len(value) for _, value in node.fields]
    places, end = [0] * len(widths), 4
    for index in sorted(range(len(widths)), key=lambda index: -widths[index]):
        places[index] = _up(end, widths[index])
        end = places[index] + widths[index]
    slots = [0] * (node.fields[-1][0] + 1 if node.fields else 0)
    for (slot, _), place in zip(node.fields, places, strict=True):
        slots[slot] = place
    vtable = struct.pack(f"<{2 + len(slots)}H", 4 + 2 * len(slots), end, *slots)
    return _Shape(end, max([4, *widths]), 0, vtable, tuple(places))


def _write(
    node: Node, shape: _Shape, starts: Sequence[int], number: int, vtables: Mapping[bytes, int], into: bytearray
) -> None:
    start = starts[number]

    def put(value: bytes | Reference, place: int) -> None:
        if isinstance(value, Reference):
            value = struct.pack("<I", starts[value.node] - place)
        into[place : place + len(value)] = value

    if isinstance(node, Table):
        struct.pack_into("<i", into, start, start - vtables[shape.vtable])
        for (_, value), place in zip(node.fields, shape.places, strict=True):
            put(value, start + place)
    elif isinstance(node, References):
        struct.pack_into("<I", into, start, len(node.nodes))
        for index, reference in enumerate(node.nodes):
            put(reference, start + 4 + 4 * index)
    else:
        width = node.width if isinstance(node, Vector) else 1
        struct.pack_into("<I", into, start, len(node.content) // width)
        put(node.content, start + 4)


def _up(position: int, alignment: int) -> int:
    return -(-position // alignment) * alignment
