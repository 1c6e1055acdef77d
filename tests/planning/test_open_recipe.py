"""Every branch of a recipe that leaves something open is checked, and `search: auto` takes what strategies declare."""

import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compressor.planning import open_recipe as room
from compressor.planning.default_spaces import declared_search
from compressor.planning.open_recipe import branches, open_recipe, planned_space
from compressor.planning.planner import check, resolve
from compressor.planning.plugin_instances import problems_with
from compressor.planning.registry import Registry
from compressor.recipe.document import RecipeText
from compressor.recipe.problems import RecipeError
from compressor.recipe.tree import from_data

HEAD = "version: 1\nmodel: {source: mnist_cnn, train: {epochs: 1}}\ndata: {source: mnist}\n"


def problems(text, **options):
    with pytest.raises(RecipeError) as caught:
        check(RecipeText("r", HEAD + textwrap.dedent(text)), **options)
    return [f"{one.origin.line}:{one.origin.column} {one.message}" for one in caught.value.problems]


def opened(text, registry):
    return open_recipe(RecipeText("r", HEAD + textwrap.dedent(text)), (), registry)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("name: smallest", "smallest"),
        ("", "of_a_file"),
        ("name: ../up and away", "up_and_away"),
        ("name: [1]", "of_a_file"),
    ],
)
def test_a_search_is_called_what_its_recipe_calls_itself(line, name, tmp_path, registry):
    path = tmp_path / "of a file.yaml"
    path.write_text(f"{HEAD}{line}\nsteps: [{{uses: prune, with: {{final_sparsity: {{search: auto}}}}}}]\n")
    assert open_recipe(path, (), registry).name == name


def test_values_beyond_the_bounds_of_the_strategy_are_told_at_the_end_of_the_range():
    assert problems("steps: [{uses: prune, with: {final_sparsity: {search: {low: 0.5, high: 1.5}}, power: 99}}]") == [
        "4:72 'final_sparsity' must be below 1, but is 1.5",
        "4:86 'power' must be 10 or less, but is 99",
    ]


def test_a_value_of_a_list_that_the_strategy_refuses_is_told_at_its_place_and_where_it_is_taken():
    assert problems(
        """\
        steps:
          - one_of:
              - uses: ptq
                with: {precision: {search: [int8, float61]}}
              - uses: qat
        """
    ) == ["7:43 'precision' cannot be the text 'float61'; did you mean 'float16'? (where step 1 is 'ptq')"]


def test_orders_of_steps_that_cannot_work_are_told_with_the_choices_that_lead_there():
    assert problems(
        """\
        steps:
          - {uses: qat, optional: true}
          - uses: ptq
            with: {precision: {search: [int8, dynamic]}}
        """
    ) == [
        "6:11 'ptq' with precision dynamic would waste the training for int8; use precision int8 "
        "(where 'qat' is taken and 'steps.ptq.with.precision' is dynamic)"
    ]


def test_a_problem_that_is_everywhere_is_told_once_and_without_a_place():
    assert problems("steps: [{uses: prun, optional: true}, {uses: ptq, optional: true}]\nthreads: 0") == [
        "4:16 unknown strategy 'prun'; did you mean 'prune'? (where 'prun' is taken)",
        "5:10 'threads' must be 1 or more, but is 0",
    ]


def test_constraints_of_steps_that_may_be_left_out_are_fine_and_misspelt_ones_are_not():
    text = "steps: [{uses: prune, optional: true}, {uses: ptq}]\nconstraints: {stages: {%s: {max_size: 1 MB}}}"
    assert check(RecipeText("r", HEAD + text % "prune")) == ()
    assert problems(text % "prun") == [
        "5:24 there is no stage 'prun'; did you mean 'prune'?",
    ]


@pytest.mark.parametrize(
    ("objectives", "message"),
    [
        ("[{minimize: sise}]", "5:24 there is no metric or figure 'sise'; did you mean 'size'?"),
        ("[{minimize: accuracy}]", "5:24 'accuracy' is better the higher it is; write 'maximize'"),
        ("[{minimize: size}, {maximize: size}]", "5:43 'size' is an objective twice; remove one of the two"),
        ("[{minimize: packed_size}]",
         "5:13 'packed_size' is of packages, and the last step makes none; end with 'pack', or drop it"),
        ("[{minimize: size, maximize: accuracy}]",
         "5:13 'objectives.0': an objective has either 'minimize' or 'maximize'; write a list of two for both"),
    ],
)  # fmt: skip
def test_objectives_are_checked(objectives, message):
    found = problems(f"steps: [{{uses: ptq, optional: true}}]\nobjectives: {objectives}")
    assert [one.split(" ", 1)[1] for one in found] == [message.split(" ", 1)[1]]


def test_too_many_ways_to_take_steps_are_refused():
    steps = ", ".join("{uses: prune, optional: true}" for _ in range(10))
    assert problems(f"steps: [{steps}]") == [
        "4:8 there are 1,024 ways to take steps, and at most 1,000 can be checked; leave fewer steps open"
    ]


def test_auto_leaves_open_what_the_strategy_declares_apart_from_what_the_recipe_sets(registry):
    space = opened("steps: [{uses: prune, search: auto, with: {epochs: 1, learning_rate: 0.1}}]", registry).space
    assert [(one.name, str(one.search)) for one in space.choices] == [
        ("steps.prune.with.final_sparsity", "0.5 to 0.95")
    ]
    space = opened("training: {learning_rate: {search: auto}}\nsteps: [{uses: ptq, search: auto}]", registry).space
    assert [(one.name, str(one.search)) for one in space.choices] == [
        ("training.learning_rate", "0.0001 to 0.01, log"),
        ("steps.ptq.with.precision", "int8, dynamic, int4, float16"),
    ]


def test_auto_where_a_strategy_declares_nothing_is_refused():
    assert problems("steps: [{uses: slim, search: auto}, {uses: prune, with: {power: {search: auto}}}]") == [
        "4:30 'slim' does not say what its parameters may be; leave single values open in 'with'",
        "4:65 'prune' does not say what 'power' may be; list values, as in {search: [1, 2]}; "
        "it says so of learning_rate, final_sparsity",
    ]


def test_auto_in_place_of_all_parameters_stands_beside_the_strategy():
    assert problems("steps: [{uses: ptq, with: {search: auto}}]") == [
        "4:27 'search: auto' for all parameters of a step stands beside 'uses'; move it there"
    ]


def test_two_steps_of_which_one_is_taken_may_have_the_same_id(registry):
    space = opened("steps: [{one_of: [{uses: ptq, id: a}, {uses: ptq, id: a}, [{uses: qat}, {uses: ptq}]]}]", registry)
    assert str(space.space.choices[0].search) == "a, a-2, qat -> ptq"
    assert check(RecipeText("r", HEAD + "steps: [{one_of: [{uses: ptq, id: a}, {uses: ptq, id: a}]}]")) == ()


def test_parameters_that_go_together_may_be_left_open_as_a_whole(registry):
    text = "steps: [{uses: ptq, with: {search: [{precision: int8}, {precision: int4, granularity: channel}]}}]"
    found = opened(text, registry)
    assert check(RecipeText("r", HEAD + text)) == ()
    (choice,) = found.space.choices
    drawn = found.drawn({choice.name: choice.search.values[1]})
    assert drawn.steps[0].with_ == {"precision": "int4", "granularity": "channel"}


def test_what_only_a_plugin_file_knows_is_said_to_be_unchecked_and_looked_at_once_the_file_is_run(tmp_path, registry):
    (tmp_path / "own.py").write_text(
        textwrap.dedent(
            """\
            from typing import Annotated
            import compressor
            from compressor.contracts.param_fields import Search
            from pydantic import Field

            class Own(compressor.Strategy):
                '''Does nothing.'''

                name = "own"

                class Params(compressor.Params):
                    bits: Annotated[int, Search.of(2, 4)] = Field(4, ge=1, le=8, description="bits")

                def plan(self, state):
                    return state

                def apply(self, model, context):
                    return model

            @compressor.hookimpl
            def strategies():
                return [Own]
            """
        )
    )
    recipe = tmp_path / "r.yaml"
    recipe.write_text(HEAD + "plugins: [./own.py]\nsteps: [{uses: own, search: auto}]\n")
    told = [one.message for one in check(recipe) if one.severity == "not checked"]
    assert "'search: auto' of 'own' was not looked at, since that strategy was not loaded" in told
    found, with_own = planned_space(recipe)
    assert [(one.name, str(one.search)) for one in found.space.choices] == [("steps.own.with.bits", "2, 4")]
    assert resolve(found.drawn({"steps.own.with.bits": 2}), with_own).steps[0].strategy.params.bits == 2


def test_of_a_large_space_each_way_to_take_steps_and_each_end_is_checked_but_not_every_product(registry, monkeypatch):
    values = "{learning_rate: {search: auto}, final_sparsity: {search: [0.5, 0.6, 0.7]}, power: {search: [1, 2, 3]}}"
    space = opened(f"steps: [{{uses: prune, optional: true, with: {values}}}, {{uses: ptq}}]", registry).space
    assert len(list(branches(space))) == 2 * 3 * 3 + 1
    monkeypatch.setattr(room, "_MOST_CHECKED", 10)
    few = list(branches(space))
    assert len(few) == 1 + (2 - 1) + (3 - 1) + (3 - 1) + 1
    for choice in space.choices:
        assert {one[choice.name] for one in few if choice.name in one} == set(choice.search.ends)


@pytest.mark.parametrize("name", Registry.installed().names("strategy"))
def test_a_strategy_accepts_the_ends_of_what_it_declares(name, registry):
    params = registry.get("strategy", name).cls.Params
    declared = declared_search(params)
    first = {key: search.ends[0] for key, search in declared.items()}
    for key, search in declared.items():
        for end in search.ends:
            assert problems_with(params, from_data({**first, key: end})) == []


SPACE = """\
training: {learning_rate: {search: auto}, batch_size: {search: {low: 32, high: 128, step: 32}}}
steps:
  - {uses: low_rank, optional: true, search: auto}
  - {uses: prune, optional: true, search: auto}
  - one_of: [[{uses: cluster, search: auto}], {uses: fuse}]
  - one_of: [[{uses: ptq, search: auto}, {uses: slim}], {uses: mixed_precision, search: auto}]
  - {uses: pack, optional: true}
"""


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_every_recipe_of_a_space_that_was_checked_is_valid(data):
    registry = Registry.installed()
    space = opened(SPACE, registry).space
    structure = {choice.name: data.draw(st.sampled_from(choice.search.values)) for choice in space.steps}
    numbers = st.floats(0, 1)
    values = {
        one.name: data.draw(st.sampled_from(one.search.values))
        if one.search.values
        else one.search.rounded(one.search.low + data.draw(numbers) * (one.search.high - one.search.low))
        for one in space.open_in(structure)
    }
    plan = resolve(opened(SPACE, registry).drawn({**structure, **values}), registry)
    assert len(plan.steps) >= 2


def test_the_space_of_the_property_test_is_valid():
    assert check(RecipeText("r", HEAD + SPACE)) == ()
