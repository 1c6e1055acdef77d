"""What `inspect` tells of a type of layer is what docs/layers.md has."""

import layer_table

from compressor.inspecting.layer_types import layer_types


def test_the_data_is_that_of_the_table_in_the_docs():
    message = "run: python tests/layer_table.py --write --missing"
    assert layer_table.DATA.read_text() == layer_table.data(layer_table.read_table()), message


def test_a_type_has_the_verdict_of_each_step_and_what_stays_in_float():
    conv, bins = layer_types()["Conv2D"], layer_types()["Discretization"]
    assert conv.steps == {"prune": "works", "cluster": "works", "qat": "works", "ptq": "works"}
    assert (conv.left_in_float, bins.left_in_float) == ("", "1 BUCKETIZE, 1 CAST")
    assert layer_types()["AveragePooling3D"].left_in_float == ""
