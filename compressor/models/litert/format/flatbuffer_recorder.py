"""Records a model of the LiteRT schema as a graph of flatbuffer nodes."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from compressor.models.litert.format.flatbuffer_nodes import Node, Nodes, Reference, References, Table, Text, Vector


def recorded(model: Any) -> list[Node]:
    """The nodes of a `ModelT`, each after those that it refers to, and the root last."""
    recorder = Recorder()
    model.Pack(recorder)
    return recorder.nodes.all


def _item(layout: str) -> Callable[[Recorder, Any], None]:
    """The method that prepends a scalar to the vector under way; `layout` is its format in `struct`."""

    def prepend(self: Recorder, value: Any) -> None:
        self._items.append(struct.pack(layout, value))

    return prepend


def _field(layout: str) -> Callable[[Recorder, int, Any, Any], None]:
    """The method that sets a scalar field of the table under way, unless it has its default value."""

    def prepend_slot(self: Recorder, slot: int, value: Any, default: Any) -> None:
        if value != default:
            self._fields.append((slot, struct.pack(layout, value)))

    return prepend_slot


class Recorder:
    """Records as nodes what the schema's `Pack` methods would have a `flatbuffers.Builder` write.

    It has the methods of the builder that the schema calls. In place of an offset they take and return a node's number
    plus one, since 0 means that there is none.
    """

    def __init__(self) -> None:
        self.nodes = Nodes()
        self._fields: list[tuple[int, bytes | Reference]] = []
        self._items: list[bytes | Reference] = []
        self._width = 1

    def StartObject(self, count: int) -> None:  # noqa: N802 - the builder's names
        self._fields = []

    PrependBoolSlot = _field("<?")
    PrependInt8Slot = _field("<b")
    PrependUint8Slot = _field("<B")
    PrependInt32Slot = _field("<i")
    PrependUint32Slot = _field("<I")
    PrependInt64Slot = _field("<q")
    PrependUint64Slot = _field("<Q")
    PrependFloat32Slot = _field("<f")

    def PrependUOffsetTRelativeSlot(self, slot: int, offset: int, default: int) -> None:  # noqa: N802
        if offset != default:
            self._fields.append((slot, Reference(offset - 1)))

    def EndObject(self) -> int:  # noqa: N802
        return self._offset(Table(tuple(sorted(self._fields, key=lambda field: field[0]))))

    def StartVector(self, width: int, count: int, alignment: int) -> None:  # noqa: N802
        self._items, self._width = [], width

    PrependBool = _item("<?")
    PrependUint8 = _item("<B")
    PrependUint16 = _item("<H")
    PrependInt32 = _item("<i")
    PrependUint32 = _item("<I")
    PrependInt64 = _item("<q")
    PrependFloat32 = _item("<f")

    def PrependUOffsetTRelative(self, offset: int) -> None:  # noqa: N802
        self._items.append(Reference(offset - 1))

    def EndVector(self) -> int:  # noqa: N802
        items = self._items[::-1]  # they were prepended
        references = [item for item in items if isinstance(item, Reference)]
        scalars = [item for item in items if isinstance(item, bytes)]
        return self._offset(References(tuple(references)) if references else Vector(self._width, b"".join(scalars)))

    def CreateNumpyVector(self, array: Any) -> int:  # noqa: N802
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        return self._offset(Vector(array.itemsize, little.tobytes()))

    def CreateString(self, text: str | bytes) -> int:  # noqa: N802
        return self._offset(Text(text.encode() if isinstance(text, str) else text))

    def _offset(self, node: Node) -> int:
        return self.nodes.add(node).node + 1
