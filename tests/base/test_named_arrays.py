"""An array and a mapping of arrays are treated alike."""

import numpy as np
import pytest

from compressor.base.named_arrays import arrays_in, by_name, each, in_order, is_named, joined

ONE, TWO = np.array([[1.0], [2.0]]), np.array([3, 4])


def test_only_a_mapping_has_names():
    assert is_named({"a": ONE})
    assert not is_named(ONE)
    assert not is_named(None)


def test_an_array_alone_gets_the_name_that_is_given():
    assert by_name(ONE, "x") == {"x": ONE}
    named = {"a": ONE}
    assert by_name(named, "x") is named


def test_several_arrays_come_in_the_order_of_the_names():
    assert in_order({"a": ONE, "b": TWO}, ["b", "a"]) == [TWO, ONE]
    with pytest.raises(KeyError, match="c"):
        in_order({"a": ONE, "b": TWO}, ["a", "c"])


@pytest.mark.parametrize("values", [ONE, {"another name": ONE}])
def test_the_name_of_an_array_alone_does_not_matter(values):
    assert in_order(values, ["a"]) == [ONE]


def test_all_arrays_are_listed_by_sorted_name_and_part_by_part():
    assert arrays_in({"b": TWO, "a": ONE}) == [ONE, TWO]
    assert arrays_in(({"b": TWO, "a": ONE}, None)) == [ONE, TWO]
    assert arrays_in((ONE, TWO)) == [ONE, TWO]
    assert arrays_in(None) == []


def test_a_function_is_applied_to_each_array():
    assert each({"a": ONE, "b": TWO}, len) == {"a": 2, "b": 2}
    assert each(ONE, np.sum) == 3.0
    assert each(None, len) is None


def test_parts_are_joined_array_by_array():
    assert joined([TWO, TWO[:1]]).tolist() == [3, 4, 3]
    assert joined([{"a": TWO, "b": ONE}, {"b": ONE, "a": TWO}])["b"].tolist() == [[1.0], [2.0], [1.0], [2.0]]
    assert joined([None, None]) is None
