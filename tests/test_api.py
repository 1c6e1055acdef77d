"""From Python: nothing that is given is dropped in silence."""

import pytest

import compressor
from compressor.base.errors import CompressorError

DATA = {
    "version": 1,
    "model": {"source": "mnist_cnn", "train": {"epochs": 1}},
    "data": {"source": "mnist"},
    "steps": [{"uses": "ptq"}],
}


@pytest.mark.parametrize("form", [lambda data: data, compressor.load])
def test_overrides_reach_a_recipe_in_any_form(form):
    plan = compressor.plan(form(DATA), overrides=["steps.ptq.with.precision=float16"])
    assert plan.steps[0].strategy.params.precision == "float16"
    with pytest.raises(CompressorError, match="unknown key 'prescision'"):
        compressor.plan(form(DATA), overrides=["steps.ptq.with.prescision=float16"])


@pytest.mark.parametrize(
    "given", [{"overrides": ["name=x"]}, {"seed": 1}, {"seed": 0}, {"smoke": True}, {"plugins": ["x.py"]}]
)
def test_a_plan_takes_nothing_that_would_change_it(given, tmp_path):
    with pytest.raises(CompressorError) as error:
        compressor.apply(compressor.plan(DATA), output=tmp_path / "out", **given)
    assert str(error.value) == "overrides, seed, smoke and plugins cannot be set on a plan; pass them to plan()"
    assert not (tmp_path / "out").exists()
