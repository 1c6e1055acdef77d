"""The recipe language together with the checks of the planner that come after it."""

import tempfile
from pathlib import Path

import pytest
from fuzz_recipes import SEEDS, mutated, noise, override, restructured
from hypothesis import given
from hypothesis import strategies as st

from compressor.base.errors import CompressorError
from compressor.planning import planner
from compressor.recipe.problems import RecipeError


def test_what_the_language_and_what_the_planner_find_is_told_at_once(write):
    path = write("""\
        version: 1
        model:
          source: mnist_cnn
          train: {epochs: 1}
        data: {source: mnist}
        steps:
          - uses: prune
            with: {final_sparsity: 1.5}
          - uses: qaat
        constrains:
          max_size: 25 kB
    """)
    with pytest.raises(RecipeError) as caught:
        planner.prepare(path)
    assert str(caught.value) == (
        "recipe.yaml:8:28: error: 'final_sparsity' must be below 1, but is 1.5\n"
        "    8 |     with: {final_sparsity: 1.5}\n"
        "      |                            ^^^\n"
        "recipe.yaml:9:11: error: unknown strategy 'qaat'; did you mean 'qat'?\n"
        "    9 |   - uses: qaat\n"
        "      |           ^^^^\n"
        "recipe.yaml:10:1: error: unknown key 'constrains'; did you mean 'constraints'?\n"
        "   10 | constrains:\n"
        "      | ^^^^^^^^^^"
    )


def test_problems_of_the_text_an_override_and_the_planner_are_told_together(write, registry):
    path = write("version: 1\nmodel: {source: mnist_cnn, train: {}}\ndata: {source: mnits, source: mnist}\n")
    with pytest.raises(RecipeError) as caught:
        planner.check(path, ["steps=[{uses: ptq, with: {precision: int7}}]"], registry)
    assert [f"{problem.origin}: {problem.message}" for problem in caught.value.problems] == [
        "--set steps=[{uses: ptq, with: {precision: int7}}]:1:38: 'precision' cannot be the text 'int7'; "
        "did you mean 'int8'?",
        "recipe.yaml:3:16: unknown data set 'mnits'; did you mean 'mnist'?",
        "recipe.yaml:3:23: 'source' is given twice (first on line 3); keep one",
    ]


def test_a_parameter_by_its_name_in_python_is_an_unknown_key(write, registry):
    path = write("version: 1\nmodel: {source: mnist_cnn, train: {}}\ndata: {source: mnist}\n")
    with pytest.raises(RecipeError) as caught:
        planner.check(path, ["steps=[{uses: prune, with: {except_: [conv]}}]"], registry)
    assert [problem.message for problem in caught.value.problems] == ["unknown key 'except_'; did you mean 'except'?"]


def answered(registry, text, overrides=()):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recipe.yaml"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            planner.check(path, overrides, registry)
        except CompressorError as error:
            assert all(line.isprintable() for line in str(error).split("\n"))


@given(random=st.randoms(use_true_random=False))
def test_a_mutated_recipe_is_a_plan_or_a_compressor_error(registry, random):
    answered(registry, mutated(random.choice(SEEDS), random))


@given(random=st.randoms(use_true_random=False))
def test_a_recipe_with_values_exchanged_is_a_plan_or_a_compressor_error(registry, random):
    answered(registry, restructured(random))


@given(random=st.randoms(use_true_random=False))
def test_an_override_of_any_kind_is_a_plan_or_a_compressor_error(registry, random):
    answered(registry, random.choice(SEEDS), [override(random)])


@given(random=st.randoms(use_true_random=False))
def test_noise_is_a_compressor_error(registry, random):
    answered(registry, noise(random))
