"""The recorder stands in for the builder that the schema's own code writes a model through."""

import inspect
import re

from compressor.models.litert.conversion.converter import to_litert
from compressor.models.litert.format.flatbuffer import read_model
from compressor.models.litert.format.flatbuffer_nodes import Text
from compressor.models.litert.format.flatbuffer_recorder import Recorder, recorded


def test_it_has_every_method_of_a_builder_that_the_schema_calls():
    from ai_edge_litert import schema_py_generated as schema

    called = set(re.findall(r"\bbuilder\.(\w+)\(", inspect.getsource(schema)))
    assert "PrependInt32Slot" in called
    assert sorted(name for name in called if not hasattr(Recorder, name)) == []


def test_equal_parts_are_recorded_once(small_cnn):
    nodes = recorded(read_model(to_litert(small_cnn())))
    assert len(nodes) == len(set(nodes))
    assert nodes.count(Text(b"image")) == 1  # in the signature and on the tensor
