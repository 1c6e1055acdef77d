"""Operators and tensor types have the numbers that the LiteRT schema gives them."""

import re

import numpy as np
import pytest

from compressor.models.litert.format.operators import Operator
from compressor.models.litert.format.small_numbers import joined_bytes, split_bytes
from compressor.models.litert.format.tensor_types import TensorType, type_of


@pytest.mark.parametrize(("enum", "name"), [(Operator, "BuiltinOperator"), (TensorType, "TensorType")])
def test_every_member_has_the_name_and_the_number_of_the_schema(enum, name):
    from ai_edge_litert import schema_py_generated as schema

    known = getattr(schema, name)
    assert {member.name: member.value for member in enum} == {
        member.name: getattr(known, member.name) for member in enum
    }


def test_a_type_takes_the_bits_that_its_name_tells():
    digits = {type_: re.sub(r"\D", "", type_.name) for type_ in TensorType if type_ is not TensorType.BOOL}
    assert {type_: type_.bits for type_ in digits} == {type_: int(text) for type_, text in digits.items()}
    assert TensorType.BOOL.bits == 8 * np.dtype(bool).itemsize


def test_a_type_that_is_not_known_is_none():
    from ai_edge_litert import schema_py_generated as schema

    tensor = schema.TensorT()
    assert type_of(tensor) is TensorType.FLOAT32  # the schema's default
    tensor.type = schema.TensorType.STRING
    assert type_of(tensor) is None


@pytest.mark.parametrize(("bits", "numbers"), [(2, [3, 2, 1, 0]), (4, [11, 1]), (8, [27])])
def test_bytes_are_split_the_lowest_bits_first_and_joined_again(bits, numbers):
    found = split_bytes(b"\x1b", bits)
    assert found.tolist() == numbers
    assert joined_bytes(found, bits) == b"\x1b"
