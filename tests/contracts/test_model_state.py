"""A model's state: what a step may ask of it, and what a step leaves."""

import pytest

from compressor.contracts.model_state import FORMAT_NAMES, TRAIT_NAMES, ModelState, Refusal


def test_a_new_state_is_a_keras_model_without_traits():
    assert ModelState() == ModelState("keras", frozenset())
    assert str(ModelState()) == "keras"


def test_traits_add_up_and_leave_the_state_before_as_it_was():
    before = ModelState()
    after = before.add("sparse").add("sparse", "clustered")
    assert after.traits == {"sparse", "clustered"}
    assert before.traits == frozenset()
    assert str(after) == "keras, clustered, sparse"


def test_fake_quantization_becomes_the_real_one_on_the_way_to_litert():
    trained = ModelState().add("sparse", "quantization_aware")
    assert trained.to("litert") == ModelState("litert", frozenset({"sparse", "quantized"}))
    assert ModelState().add("sparse").to("litert") == ModelState("litert", frozenset({"sparse"}))
    assert trained.to("keras") == trained


def test_a_state_that_is_as_asked_is_returned():
    state = ModelState("keras", frozenset({"sparse"}))
    assert state.require(format="keras", has="sparse", lacks="quantized") is state
    assert state.require() is state


@pytest.mark.parametrize(
    ("asked", "reason", "format", "trait"),
    [
        ({"format": "litert"}, "needs a LiteRT model", "litert", None),
        ({"has": "clustered"}, "needs a model with clustered weights", None, "clustered"),
        ({"lacks": "sparse"}, "cannot work on a model with zeros to keep", None, "sparse"),
        ({"format": "litert", "lacks": "sparse"}, "needs a LiteRT model", "litert", None),
    ],
)
def test_a_state_that_is_not_as_asked_is_refused_with_what_is_wrong(asked, reason, format, trait):
    with pytest.raises(Refusal) as caught:
        ModelState("keras", frozenset({"sparse"})).require(**asked)
    assert (caught.value.reason, caught.value.format, caught.value.trait) == (reason, format, trait)


def test_every_format_and_trait_has_a_name_for_messages():
    assert FORMAT_NAMES == {
        "keras": "a Keras model",
        "litert": "a LiteRT model",
        "package": "a packed LiteRT model",
    }
    assert TRAIT_NAMES == {
        "sparse": "zeros to keep",
        "clustered": "clustered weights",
        "quantization_aware": "fake quantization in its layers",
        "quantized": "quantized weights",
    }


def test_a_trait_is_given_up_by_name_and_with_a_reason():
    before = ModelState().add("sparse", "clustered")
    after = before.drop("sparse", reason="it rotates the weights").drop("quantized", reason="it has none")
    assert str(after) == "keras, clustered"
    assert after.dropped == (("sparse", "it rotates the weights"),)
    assert before.dropped == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda state: state.add("sprase"),
            "there is no trait 'sprase'; known: sparse, clustered, quantization_aware, quantized",
        ),
        (
            lambda state: state.drop("zeros", reason="it rotates"),
            "there is no trait 'zeros'; known: sparse, clustered, quantization_aware, quantized",
        ),
        (lambda state: state.to("onnx"), "there is no format 'onnx'; known: keras, litert, package"),
        (lambda state: state.drop("sparse", reason=" "), "'drop' gives no reason for giving up 'sparse'"),
    ],
)
def test_an_unknown_trait_or_format_and_a_missing_reason_are_refused(change, message):
    with pytest.raises(ValueError) as error:
        change(ModelState().add("sparse"))
    assert str(error.value) == message
