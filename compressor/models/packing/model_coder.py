"""Codes a compact LiteRT file by its format: the graph of tables field by field, weights as matrices of numbers.

What a field holds is predicted from its place (the slots that lead to it from the root) and from what stood there
before. Offsets are not coded at all, since the graph alone decides the layout. Only files that `compact` wrote can be
coded. The same walk writes and reads: with a node it writes, without one it reads.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import ModelError
from compressor.models.library_errors import FLATBUFFER_ERRORS
from compressor.models.litert.format.flatbuffer import read_model
from compressor.models.litert.format.flatbuffer_nodes import Node, Nodes, Reference, References, Table, Text, Vector
from compressor.models.litert.format.flatbuffer_recorder import recorded
from compressor.models.litert.format.flatbuffer_writer import laid_out
from compressor.models.litert.format.small_numbers import joined_bytes, split_bytes
from compressor.models.litert.format.tensor_types import TensorType
from compressor.models.packing.arithmetic_coder import Coder
from compressor.models.packing.byte_coder import code_bytes
from compressor.models.packing.coder_type import DamagedError
from compressor.models.packing.compiled_coder import CompiledCoder, new_coder
from compressor.models.packing.priming_model import PRIMER
from compressor.models.packing.weight_coder import code_weights

_END, _ABSENT, _TABLE, _REFERENCES, _TEXT = range(5)
_SCALAR, _VECTOR = 4, 8  # plus 1, 2, 3 or 4 for 1, 2, 4 or 8 bytes
_SUBGRAPHS, _BUFFERS = 2, 4  # slots of the schema's Model
_TENSORS = 0  # of its SubGraph
_SHAPE, _TYPE, _BUFFER, _SPARSITY = 0, 1, 2, 6  # of its Tensor
_CODED = (TensorType.INT8, TensorType.UINT8, TensorType.INT4, TensorType.INT2)  # as matrices of weights
_PRIMED = 2**16  # bytes, which the typical model is smaller than
_SWELL, _DEEPEST, _MOST_SLOTS = 4, 12, 60
_LEAST, _MOST_FLOAT = 1e-12, 1e30  # magnitudes that a scale may have
_FEWEST = 32  # weights in a matrix that is worth coding as one
Path = tuple[int, ...]


class _Walk:
    """Walks over the nodes of a model, and writes or reads them."""

    def __init__(self, coder: Coder | CompiledCoder, source: list[Node] | None, size: int) -> None:
        self.nodes = Nodes()
        self.coder = coder
        self._source = source
        self._left = _SWELL * size
        self._last: dict[Hashable, Any] = {}
        self._matrices: dict[int, tuple[int, int, int]] = {}

    def root(self) -> None:
        self._table((), self._source[-1] if self._source else None)

    def _take(self, size: int) -> None:
        """Count what is read, and refuse more than a file of this size can hold.

        A part that many others refer to is coded at each of these places, so a damaged payload might swell.
        """
        self._left -= size
        if self._left < 0:
            raise DamagedError("it was cut or changed")

    def _at(self, reference: Reference | None) -> Any:
        return self._source[reference.node] if self._source is not None and reference is not None else None

    def _table(self, path: Path, node: Any) -> Reference:
        self._take(4)
        if len(path) > _DEEPEST:
            raise DamagedError("it was cut or changed")
        known = dict(node.fields) if node else {}
        fields: list[tuple[int, bytes | Reference]] = []
        end = max(known, default=-1) + 1
        slot, kind = 0, _END
        while True:
            here = (*path, slot)
            previous = self._last.get(here, (0, 0))
            wanted = self._kind(known.get(slot)) if slot < end else _END
            at, after = ("kind", here), ("kind", slot, kind)
            contexts = (at, after, (*at, *previous), (*at, previous[0], kind))
            kind = self.coder.symbol(contexts, "kind", 4, wanted)
            self._last[here] = (kind, previous[0])
            if kind == _END:
                break
            self._take(kind != _ABSENT or slot > _MOST_SLOTS)
            if kind != _ABSENT:
                fields.append((slot, self._field(here, kind, known.get(slot))))
            slot += 1
        if len(path) == 4 and path[0] == _SUBGRAPHS and path[2] == _TENSORS:
            self._note_tensor(dict(fields))
        return self.nodes.add(Table(tuple(fields)))

    def _kind(self, value: bytes | Reference | None) -> int:
        if value is None:
            return _ABSENT
        if isinstance(value, bytes):
            return _SCALAR + len(value).bit_length()
        node = self._at(value)
        if isinstance(node, Vector):
            return _VECTOR + node.width.bit_length()
        return {Table: _TABLE, References: _REFERENCES, Text: _TEXT}[type(node)]

    def _field(self, path: Path, kind: int, value: Any) -> bytes | Reference:
        if _SCALAR < kind <= _SCALAR + 4:
            return self._scalar(path, 1 << (kind - _SCALAR - 1), value)
        node = self._at(value)
        if kind == _TABLE:
            return self._table(path, node)
        if kind == _REFERENCES:
            return self._references(path, node)
        width = 1 if kind == _TEXT else 1 << (kind - _VECTOR - 1)
        content = self._content(path, width, node.content if node else None)
        return self.nodes.add(Text(content) if kind == _TEXT else Vector(width, content))

    def _references(self, path: Path, node: Any) -> Reference:
        count = self._length(path, len(node.nodes) if node else None)
        self._take(4 * count)
        items = []
        for index in range(count):
            if path == (_BUFFERS,):
                self._last["buffer"] = index
            item = self._at(node.nodes[index]) if node else None
            kind = self.coder.symbol((("item", path),), "item", 2, {Table: 0, Text: 1}.get(type(item), 0))
            inner = (*path, -1)
            if kind == 0:
                items.append(self._table(inner, item))
            else:
                items.append(self.nodes.add(Text(self._content(inner, 1, item.content if item else None))))
        return self.nodes.add(References(tuple(items)))

    def _scalar(self, path: Path, width: int, value: bytes | None) -> bytes:
        """A number, coded as its difference to the one that stood there before."""
        before: int = self._last.get(("scalar", path), 0)
        step = (int.from_bytes(value, "little") - before) % (1 << 8 * width) if value is not None else 0
        coded = self._bytes(path, step.to_bytes(width, "little") if value is not None else None, width, width)
        self._last["scalar", path] = number = (int.from_bytes(coded, "little") + before) % (1 << 8 * width)
        return number.to_bytes(width, "little")

    def _length(self, path: Path, value: int | None) -> int:
        before = self._last.get(("length", path), 0)
        contexts = (("bits", path), ("bits", path, before))
        bits = self.coder.symbol(contexts, "bits", 5, value.bit_length() if value is not None else 0)
        length = 1 if bits else 0
        for place in reversed(range(bits - 1)):
            bit = value >> place & 1 if value is not None else 0
            here = ("length", path, length)
            length = length << 1 | self.coder.bit((here, (*here, before)), "length", bit)
        self._last["length", path] = length
        return length

    def _content(self, path: Path, width: int, content: bytes | None) -> bytes:
        matrix = self._matrices.get(self._last.get("buffer", -1)) if path[:1] == (_BUFFERS,) else None
        if matrix is not None:
            return self._matrix(matrix, content)
        count = self._length(path, len(content) // width if content is not None else None)
        return self._row(path, content, count) if width == 4 else self._bytes(path, content, count * width, width)

    def _row(self, path: Path, content: bytes | None, count: int) -> bytes:
        """Numbers of 4 bytes. Floats are coded as differences to what is in proportion to the last row as long.

        The scales of biases are those of weights, times one number for all.
        """
        before = self._last.get(("row", path, count), b"")
        row = self._bytes(path, content[:4] if content is not None else None, 4 * min(count, 1), 4)
        predicted = _in_proportion(before, row)
        if predicted is None:
            row += self._bytes((*path, 0), content[4:] if content is not None else None, 4 * max(count - 1, 0), 4)
        else:
            differences = _added(content[4:], predicted, -1) if content is not None else None
            row += _added(self._bytes((*path, 1), differences, 4 * (count - 1), 4), predicted, 1)
        self._last["row", path, count] = row
        return row

    def _matrix(self, matrix: tuple[int, int, int], content: bytes | None) -> bytes:
        rows, columns, bits = matrix
        if content is not None and len(content) != rows * columns * bits // 8:
            raise DamagedError("a tensor's values do not fill its shape")
        self._take(rows * columns * bits // 8)
        known = None if content is None else split_bytes(content, bits).astype(np.uint8).tobytes()
        return joined_bytes(np.frombuffer(code_weights(self.coder, rows, columns, bits, known), np.uint8), bits)

    def _bytes(self, path: Path, content: bytes | None, count: int, width: int) -> bytes:
        self._take(count)
        coded = code_bytes(self.coder, path, self._last.get(("bytes", path), b""), content, count, width)
        self._last["bytes", path] = coded
        return coded

    def _note_tensor(self, fields: dict[int, Any]) -> None:
        """Remember which buffer holds a matrix of weights; tensors are coded before buffers."""
        number = fields.get(_TYPE, b"\0")[0]
        if number not in _CODED or _BUFFER not in fields or _SHAPE not in fields or _SPARSITY in fields:
            return
        vector = self.nodes.all[fields[_SHAPE].node]
        if not isinstance(vector, Vector):
            return
        shape = [size for (size,) in struct.iter_unpack("<i", vector.content)]
        size, bits = math.prod(shape), TensorType(number).bits
        if size >= _FEWEST and min(shape) > 0 and size * bits % 8 == 0:  # a scalar has one value, and no last size
            rows = shape[0] if len(shape) > 1 and shape[0] > 1 else size // shape[-1]
            self._matrices[int.from_bytes(fields[_BUFFER], "little")] = rows, size // rows, bits


def _in_proportion(before: bytes, first: bytes) -> bytes | None:
    """The rest of a row that begins with `first`, if it is in proportion to the row before; None where it cannot be."""
    old = struct.unpack(f"<{len(before) // 4}f", before)
    new = struct.unpack("<f", first)[0] if len(old) > 1 else 0.0
    if not all(_LEAST < abs(number) < 1 / _LEAST for number in (*old, new)):
        return None
    return struct.pack(f"<{len(old) - 1}f", *(min(new * (number / old[0]), _MOST_FLOAT) for number in old[1:]))


def _added(numbers: bytes, others: bytes, sign: int) -> bytes:
    pairs = zip(struct.iter_unpack("<I", numbers), struct.iter_unpack("<I", others), strict=True)
    return b"".join(struct.pack("<I", (one + sign * other) % 2**32) for (one,), (other,) in pairs)


def encode(content: bytes) -> bytes | None:
    """The payload of a LiteRT file; None for one that `compact` did not write, or that `decode` would refuse."""
    try:
        walk = _Walk(_learned(), recorded(read_model(content)), len(content))
        walk.root()
        return walk.coder.finished() if laid_out(walk.nodes.all) == content else None
    except (ModelError, DamagedError):
        return None


def is_slim(content: bytes) -> bool:
    """Whether a LiteRT file is laid out as `slim` lays it out; only such a file can be coded here."""
    try:
        return laid_out(recorded(read_model(content))) == content
    except (ModelError, DamagedError):
        return False


def decode(payload: bytes, size: int) -> bytes:
    """The LiteRT file of `size` bytes in a payload.

    Raises:
        DamagedError: the payload holds none.
    """
    walk = _Walk(_learned(payload), None, size)
    try:
        walk.root()
        return laid_out(walk.nodes.all)
    except FLATBUFFER_ERRORS as error:
        raise DamagedError(str(error)) from None


def weights_size(matrices: Iterable[NDArray[np.int8]]) -> int:
    """Bytes that a package needs for the weights of a model alone, matrices of outputs x inputs, in their order."""
    coder = _learned()
    for matrix in matrices:
        rows, columns = matrix.shape
        code_weights(coder, rows, columns, 8, matrix.astype(np.uint8).tobytes())
    return len(coder.finished())


def _learned(payload: bytes | None = None) -> Coder | CompiledCoder:
    """A coder that has learned from a typical model, and reads a payload, or begins to write one."""
    coder = new_coder(PRIMER)
    if PRIMER:
        _Walk(coder, None, _PRIMED).root()
    coder.restart(payload)
    return coder
