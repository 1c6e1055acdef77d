"""Firmware registers the operators of its model and no others."""

import re

import pytest
from small_litert_files import chain, dense, litert_file, tensor

from compressor.base.errors import ModelError
from compressor.models.litert.format.operators import _names
from compressor.models.micro.operator_methods import _METHODS, _squeezed, resolver_methods


def one(*names):
    tensors = [tensor("x", (1, 4)), tensor("y", (1, 4))]
    return litert_file(tensors, [(name, [0], [1]) for name in names], [0], [1])


def test_each_operator_is_registered_once():
    assert resolver_methods(chain()) == ("AddConv2D", "AddFullyConnected", "AddMaxPool2D")
    assert resolver_methods(one("RELU", "SPLIT_V", "RELU")) == ("AddRelu", "AddSplitV")


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", "AddUnidirectionalSequenceLSTM"),
        ("PADV2", "AddPadV2"),
        ("CUMSUM", "AddCumSum"),
        ("SPACE_TO_BATCH_ND", "AddSpaceToBatchNd"),
        ("SELECT_V2", "AddSelectV2"),
        ("TFLite_Detection_PostProcess", "AddDetectionPostprocess"),
        ("ethos-u", "AddEthosU"),
    ],
)
def test_methods_have_their_own_spelling(name, method):
    assert resolver_methods(one(name)) == (method,)


def test_every_method_belongs_to_an_operator_of_the_schema():
    assert set(_METHODS) <= {_squeezed(name) for name in _names().values()}


def test_operators_that_are_missing_are_named():
    text = (
        "LiteRT for Microcontrollers has no kernel for FlexErf, GELU; "
        "change the model, or export it with --to c for another runtime"
    )
    with pytest.raises(ModelError, match=f"^{re.escape(text)}$"):
        resolver_methods(one("RELU", "GELU", "FlexErf"))


def test_weights_stored_without_zeros_have_a_way_of_their_own_there():
    text = (
        "weights of the file are stored without their zeros, which LiteRT for Microcontrollers does not read; "
        "leave out 'zeros: drop' of 'slim', and export with --decode to save flash by zeros"
    )
    with pytest.raises(ModelError, match=f"^{re.escape(text)}$"):
        resolver_methods(one("DENSIFY", "RELU"))


@pytest.mark.parametrize(
    ("content", "listed"),
    [
        (dense("INT8"), "FULLY_CONNECTED of int8"),
        (dense("INT4"), "FULLY_CONNECTED of int4"),
        (dense("FLOAT16", dequantized=True), "DEQUANTIZE of float16"),
    ],
)
def test_floats_with_weights_of_fewer_bits_are_refused(content, listed):
    text = (
        f"LiteRT for Microcontrollers does not compute in float with weights of fewer bits ({listed}); "
        "quantize the model to int8 or int16x8, or export it in float32"
    )
    with pytest.raises(ModelError, match=f"^{re.escape(text)}$"):
        resolver_methods(content)


@pytest.mark.parametrize(
    "content", [dense("FLOAT32"), dense("INT8", "INT8"), dense("INT8", "INT16"), dense("INT8", dequantized=True)]
)
def test_floats_alone_and_integers_alone_are_taken(content):
    assert "AddFullyConnected" in resolver_methods(content)
