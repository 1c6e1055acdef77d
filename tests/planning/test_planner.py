"""A recipe and the plugins become a plan, or every reason why they cannot is told at its place."""

import pickle
import subprocess
import sys
from itertools import permutations
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

import compressor
from compressor.base.errors import PluginError, StepError
from compressor.contracts.execution_plan import Provider
from compressor.contracts.hookspecs import hookimpl
from compressor.contracts.model_state import ModelState, Refusal
from compressor.contracts.strategy import Strategy
from compressor.planning.planner import prepare, resolve
from compressor.planning.registry import Registry
from compressor.recipe import shipped
from compressor.recipe.load import load
from compressor.recipe.problems import RecipeError
from compressor.recipe.training_params import EarlyStopping

HEAD = "version: 1\nmodel: {source: mnist_cnn, train: {epochs: 1}}\ndata: {source: mnist}\n"


@pytest.fixture
def write(tmp_path):
    """A function that writes a recipe's text to a file and returns its path."""

    def put(text):
        path = tmp_path / "recipe.yaml"
        path.write_text(dedent(text))
        return path

    return put


def chain(*steps):
    return HEAD + "steps:\n" + "".join(f"  - uses: {step}\n" for step in steps)


def refusal(path, registry=None):
    """The text of the error, with the file's name in place of its path."""
    with pytest.raises(RecipeError) as caught:
        prepare(path, (), registry)
    return str(caught.value).replace(str(path), path.name)


def heads(path, registry=None):
    """The same, less the lines that show where."""
    return [line for line in refusal(path, registry).splitlines() if line.startswith(path.name)]


def with_strategies(*classes):
    """The installed plugins, and one that brings these strategies."""

    class Plugin:
        @hookimpl
        def strategies(self):
            return list(classes)

    registry = Registry.installed()
    registry.add(Plugin(), "acme", Provider("acme", "1.0"))
    return registry


class Polish(Strategy):
    """Needs zeros."""

    name = "polish"

    def plan(self, state):
        return state.require(format="keras", has="sparse")

    def apply(self, model, context):
        return model


class Shrink(Strategy):
    """Works on the file."""

    name = "shrink"

    def plan(self, state):
        return state.require(format="litert")

    def apply(self, model, context):
        return model


def test_the_plan_tells_what_each_step_gets_and_leaves(write):
    plan = prepare(write(chain("prune", "qat", "ptq")))
    assert [(step.id, str(step.before), str(step.after)) for step in plan.stages] == [
        ("baseline", "keras", "keras"),
        ("prune", "keras", "keras, sparse"),
        ("qat", "keras, sparse", "keras, quantization_aware, sparse"),
        ("ptq", "keras, quantization_aware, sparse", "litert, quantized, sparse"),
    ]


def test_float16_weights_count_as_quantized_so_that_none_are_quantized_twice(write):
    plan = prepare(write(HEAD + "steps:\n  - {uses: ptq, with: {precision: float16}}\n"))
    assert plan.steps[0].after == ModelState("litert", frozenset({"quantized"}))


def test_a_plan_knows_its_model_data_metrics_and_seed(write):
    plan = prepare(write(chain("ptq")), ["model.with.filters=3"], seed=7, smoke=True)
    assert plan.model.name == "mnist_cnn"
    assert plan.model.params.filters == 3
    assert plan.data.name == "mnist"
    assert [metric.name for metric in plan.metrics] == ["accuracy"]
    assert (plan.seed, plan.smoke) == (7, True)


def test_prune_after_ptq_is_refused_with_the_order_that_works(write):
    assert refusal(write(chain("ptq", "prune"))) == (
        "recipe.yaml:6:11: error: 'ptq' leaves a LiteRT model, and 'prune' needs a Keras model; "
        "an order that works: prune -> ptq\n"
        "    6 |   - uses: prune\n"
        "      |           ^^^^^"
    )


def test_prune_after_ptq_is_refused_before_tensorflow_is_imported(write):
    code = (
        "import sys, compressor\n"
        "try:\n    compressor.apply(sys.argv[1])\n"
        "except compressor.CompressorError as error:\n    print(type(error).__name__, 'tensorflow' in sys.modules)\n"
    )
    path = write(chain("ptq", "prune"))
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, cwd=path.parent)
    assert done.stdout == "RecipeError False\n"


@pytest.mark.parametrize(
    ("steps", "line", "message"),
    [
        (
            ("qat", "prune"),
            6,
            "'qat' leaves fake quantization in its layers, and 'prune' cannot work on a model with "
            "fake quantization in its layers; an order that works: prune -> qat",
        ),
        (
            ("ptq", "prune", "qat"),
            6,
            "'ptq' leaves a LiteRT model, and 'prune' needs a Keras model; an order that works: prune -> qat -> ptq",
        ),
        (
            ("ptq", *["train"] * 9),
            6,
            "'ptq' leaves a LiteRT model, and 'train' needs a Keras model; an order that works: train -> train-2 -> "
            "train-3 -> train-4 -> train-5 -> train-6 -> train-7 -> train-8 -> train-9 -> ptq",
        ),
        (
            ("prune", "train"),
            6,
            "'prune' leaves zeros to keep, and 'train' cannot work on a model with zeros to keep; "
            "an order that works: train -> prune",
        ),
        (
            ("ptq", "ptq"),
            6,
            "'ptq' leaves quantized weights, and 'ptq-2' cannot work on a model with quantized weights; "
            "remove one of the two",
        ),
        (
            ("prune", "ptq", "prune", "ptq"),
            7,
            "'ptq' leaves a LiteRT model, and 'prune-2' needs a Keras model; remove one of the two",
        ),
    ],
)
def test_an_impossible_order_is_refused_with_the_reason_and_a_remedy(steps, line, message, write):
    assert heads(write(chain(*steps))) == [f"recipe.yaml:{line}:11: error: {message}"]


def test_the_order_offered_swaps_as_few_steps_as_can_be(write):
    assert heads(write(chain("train", "qat", "prune", "prune", "ptq"))) == [
        "recipe.yaml:7:11: error: 'qat' leaves fake quantization in its layers, and 'prune' cannot work on a model "
        "with fake quantization in its layers; an order that works: train -> prune -> prune-2 -> qat -> ptq"
    ]


def test_no_order_is_offered_while_a_step_is_unknown(write):
    assert heads(write(chain("prun", "ptq", "qat"))) == [
        "recipe.yaml:5:11: error: unknown strategy 'prun'; did you mean 'prune'?",
        "recipe.yaml:7:11: error: 'ptq' leaves a LiteRT model, and 'qat' needs a Keras model; "
        "change their order, or remove one of the two",
    ]


def test_a_chain_too_long_to_try_every_order_is_refused_without_one(write):
    assert heads(write(chain("ptq", *["prune"] * 40))) == [
        "recipe.yaml:6:11: error: 'ptq' leaves a LiteRT model, and 'prune' needs a Keras model; "
        "change their order, or remove one of the two"
    ]


def test_a_strategy_s_own_reason_is_told_as_it_is(write):
    path = write(HEAD + "steps:\n  - uses: qat\n  - {uses: ptq, with: {precision: float16}}\n")
    assert heads(path) == [
        "recipe.yaml:6:12: error: 'ptq' with precision float16 would waste the training for int8; use precision int8"
    ]


def test_a_step_that_lacks_a_trait_is_told_who_leaves_it(write):
    registry = with_strategies(Polish)
    assert heads(write(chain("polish")), registry) == [
        "recipe.yaml:5:11: error: 'polish' needs a model with zeros to keep; "
        "put a step before it that leaves zeros to keep, or remove it"
    ]
    assert heads(write(chain("polish", "prune")), registry) == [
        "recipe.yaml:5:11: error: 'polish' needs a model with zeros to keep; an order that works: prune -> polish"
    ]


def test_a_step_that_lacks_a_trait_that_came_and_went_blames_nobody(write):
    class Sharpen(Polish):
        name = "sharpen"

        def plan(self, state):
            return state.require(has="quantization_aware")

    assert heads(write(chain("qat", "ptq", "sharpen", "sharpen")), with_strategies(Sharpen)) == [
        "recipe.yaml:7:11: error: 'sharpen' needs a model with fake quantization in its layers; "
        "an order that works: qat -> sharpen -> sharpen-2 -> ptq"
    ]


def test_a_step_for_litert_files_wants_one_before_it(write):
    registry = with_strategies(Shrink)
    assert heads(write(chain("shrink")), registry) == [
        "recipe.yaml:5:11: error: the model is a Keras model, and 'shrink' needs a LiteRT model; "
        "put 'ptq' before it, or 'slim' to keep floats, or remove the step"
    ]
    assert heads(write(chain("shrink", "ptq")), registry) == [
        "recipe.yaml:5:11: error: the model is a Keras model, and 'shrink' needs a LiteRT model; "
        "an order that works: ptq -> shrink"
    ]


def test_a_model_that_is_a_litert_file_can_be_neither_pruned_nor_trained(write):
    path = write(
        "version: 1\nmodel: {source: ./m.tflite, train: {epochs: 1}}\ndata: {source: mnist}\nsteps:\n  - uses: prune\n"
    )
    remedy = "start from a Keras model, or remove the step"
    assert heads(path) == [
        f"recipe.yaml:2:36: error: the model is a LiteRT model, and 'baseline' needs a Keras model; {remedy}",
        f"recipe.yaml:5:11: error: the model is a LiteRT model, and 'prune' needs a Keras model; {remedy}",
    ]


def test_a_saved_model_without_keras_can_be_neither_pruned_nor_trained(write, tmp_path):
    path = write("version: 1\nmodel: {source: ./exported}\ndata: {source: mnist}\nsteps: [{uses: prune}]\n")
    (path.parent / "exported").mkdir()
    (path.parent / "exported" / "saved_model.pb").touch()
    assert heads(path) == [
        "recipe.yaml:4:16: error: the model is a SavedModel without a Keras 2 model in it, which becomes a LiteRT "
        "model when it is read, and 'prune' needs a Keras model; start from a Keras model, or remove the step"
    ]


def test_a_strategy_that_answers_nonsense_is_named_with_its_distribution(write):
    class Forgets(Polish):
        name = "forgets"

        def plan(self, state):
            state.require(format="keras")

    with pytest.raises(PluginError) as caught:
        prepare(write(chain("forgets")), (), with_strategies(Forgets))
    assert str(caught.value) == (
        "the strategy 'forgets' (acme 1.0) returned NoneType from 'plan'; it must return a ModelState"
    )


def test_a_strategy_that_fails_where_it_should_answer_is_named_with_its_distribution(write):
    class Fails(Polish):
        name = "fails"

        def plan(self, state):
            return state.colour

    with pytest.raises(PluginError) as caught:
        prepare(write(chain("fails")), (), with_strategies(Fails))
    assert str(caught.value) == (
        "the strategy 'fails' (acme 1.0) failed with AttributeError: 'ModelState' object has no attribute 'colour'; "
        "fix it, or report it to its author; --debug shows the traceback"
    )


def forgetful(returned):
    return type("Fresh", (Polish,), {"name": "fresh", "plan": lambda self, state: returned(state)})


@pytest.mark.parametrize(
    ("chain_before", "returned", "message"),
    [
        (
            ("prune",),
            lambda state: ModelState("keras"),
            "forgets zeros to keep; it must return what it was given, changed by 'add' and 'to', and give up a trait "
            "only by state.drop('sparse', reason=...)",
        ),
        (
            ("prune", "qat"),
            lambda state: ModelState("litert", frozenset({"sparse"})),
            "forgets fake quantization in its layers; it must return what it was given, changed by 'add' and 'to', "
            "and give up a trait only by state.drop('quantization_aware', reason=...)",
        ),
        (
            ("qat",),
            lambda state: ModelState("keras", state.traits),
            "forgets the precision 'int8'; it must return what it was given, changed by 'add', 'drop' and 'to'",
        ),
    ],
)
def test_a_strategy_that_forgets_what_earlier_steps_made_is_at_fault(write, chain_before, returned, message):
    with pytest.raises(StepError) as caught:
        prepare(write(chain(*chain_before, "fresh")), (), with_strategies(forgetful(returned)))
    assert str(caught.value) == f"the strategy 'fresh' (acme 1.0) returned from 'plan' a state that {message}"
    assert caught.value.exit_code == 4


def test_a_forgetful_strategy_is_told_beside_the_mistakes_of_the_recipe(write):
    forgets = with_strategies(forgetful(lambda state: ModelState("keras")))
    said = (
        "the strategy 'fresh' (acme 1.0) returned from 'plan' a state that forgets zeros to keep; it must return what "
        "it was given, changed by 'add' and 'to', and give up a trait only by state.drop('sparse', reason=...)"
    )
    text = chain("prune", "fresh") + "evaluation: {metrics: [acuracy]}\n"
    with pytest.raises(RecipeError) as caught:
        prepare(write(text), (), forgets)
    assert [(problem.message, problem.origin.line) for problem in caught.value.problems] == [
        (said, text[: text.index("fresh")].count("\n") + 1),
        ("unknown metric 'acuracy'; did you mean 'accuracy'?", text.count("\n")),
    ]
    with pytest.raises(RecipeError) as caught:
        prepare(write(chain("prune", "fresh") + "colour: red\n"), (), forgets)
    messages = [problem.message for problem in caught.value.problems]
    assert messages[0] == said
    assert messages[1].startswith("unknown key 'colour'")
    missing = chain("prune", "fresh").replace("source: mnist}", "source: ./gone.npz}")
    with pytest.raises(RecipeError) as caught:
        prepare(write(missing), (), forgets, need_files=True)
    assert [problem.message.partition(" ")[0] for problem in caught.value.problems] == ["the", "there"]


def test_a_strategy_that_would_fail_at_another_place_does_not_hide_an_impossible_order(write):
    class Fickle(Polish):
        name = "fickle"

        def plan(self, state):
            return ModelState("keras") if "sparse" in state.traits else state

    with pytest.raises(RecipeError) as caught:
        prepare(write(chain("fickle", "ptq", "prune")), (), with_strategies(Fickle))
    (problem,) = caught.value.problems
    assert problem.message == (
        "'ptq' leaves a LiteRT model, and 'prune' needs a Keras model; an order that works: fickle -> prune -> ptq"
    )


def test_a_strategy_may_give_up_a_trait_by_name_and_the_next_step_knows_nothing_of_it(write):
    rotate = forgetful(lambda state: state.drop("sparse", reason="it rotates the weights"))
    plan = prepare(write(chain("prune", "fresh", "prune")), (), with_strategies(rotate))
    assert [str(step.after) for step in plan.steps] == ["keras, sparse", "keras", "keras, sparse"]
    assert [step.after.dropped for step in plan.steps] == [(), (("sparse", "it rotates the weights"),), ()]


def test_fake_quantization_may_become_real_without_a_word(write):
    to_file = forgetful(lambda state: ModelState("litert", frozenset({"quantized"})))
    plan = prepare(write(chain("qat", "fresh")), (), with_strategies(to_file))
    assert str(plan.steps[-1].after) == "litert, quantized"


def test_ids_default_to_the_strategy_and_are_numbered_when_it_repeats(write):
    path = write(chain("prune") + "  - {id: prune-2, uses: prune}\n  - uses: prune\n  - {id: ship, uses: ptq}\n")
    assert [step.id for step in prepare(path).steps] == ["prune", "prune-2", "prune-3", "ship"]


def test_an_id_that_is_taken_is_refused_with_one_that_is_free(write):
    text = HEAD + "steps:\n  - {id: a, uses: prune}\n  - {id: a, uses: qat}\n  - {id: baseline, uses: ptq}\n"
    assert heads(write(text)) == [
        "recipe.yaml:6:10: error: the id 'a' names two steps; call this one 'a-2'",
        "recipe.yaml:7:10: error: the id 'baseline' is the name of the stage before all steps; "
        "call this one 'baseline-2'",
    ]


def test_training_defaults_reach_every_step_that_trains_and_each_may_override_them(write):
    text = """\
        version: 1
        model: {source: mnist_cnn, train: {epochs: 3}}
        data: {source: mnist}
        training: {learning_rate: 1e-4, batch_size: 32, early_stopping: {patience: 5}}
        steps:
          - {uses: prune, with: {batch_size: 64, early_stopping: {min_delta: 0.5}}}
          - {uses: qat, with: {early_stopping: null}}
          - uses: ptq
        """
    baseline, prune, qat, ptq = (step.strategy.params for step in prepare(write(text)).stages)
    assert (baseline.learning_rate, baseline.batch_size, baseline.epochs) == (1e-4, 32, 3)
    assert (prune.learning_rate, prune.batch_size) == (1e-4, 64)
    assert prune.early_stopping == EarlyStopping(patience=5, min_delta=0.5)
    assert (qat.learning_rate, qat.batch_size, qat.early_stopping) == (1e-4, 32, None)
    assert not hasattr(ptq, "learning_rate")


def test_a_bad_training_default_is_told_once_and_at_its_place(write):
    path = write(HEAD + "training: {batch_size: 0, optimiser: adam}\nsteps:\n  - uses: prune\n  - uses: qat\n")
    assert refusal(path) == (
        "recipe.yaml:4:24: error: 'training.batch_size' must be 1 or more, but is 0\n"
        "    4 | training: {batch_size: 0, optimiser: adam}\n"
        "      |                        ^\n"
        "recipe.yaml:4:27: error: unknown key 'optimiser'; did you mean 'optimizer'?\n"
        "    4 | training: {batch_size: 0, optimiser: adam}\n"
        "      |                           ^^^^^^^^^"
    )


def test_a_training_default_that_is_too_much_for_two_strategies_is_told_once(write):
    class Small(Polish):
        class Params(compressor.TrainingParams):
            batch_size: int = Field(8, le=16)

        def plan(self, state):
            return state

    class Fine(Small):
        name = "fine"

    path = write(HEAD + "training: {batch_size: 128}\nsteps:\n  - uses: polish\n  - uses: fine\n")
    assert heads(path, with_strategies(Small, Fine)) == [
        "recipe.yaml:4:24: error: 'batch_size' must be 16 or less, but is 128"
    ]


def test_wrong_parameters_are_told_each_at_its_place(write):
    text = """\
        version: 1
        model: {source: mnist_cnn, with: {filter: 3}, train: {epochs: 0}}
        data: {source: mnist, with: {size: 3}}
        steps:
          - uses: prune
            with: {final_sparsity: 1.5, sparsities: 0.5, epochs: many}
          - uses: ptq
            with: {precision: int9}
        """
    assert heads(write(text)) == [
        "recipe.yaml:2:35: error: unknown key 'filter'; did you mean 'filters'?",
        "recipe.yaml:2:63: error: 'epochs' must be 1 or more, but is 0",
        "recipe.yaml:3:30: error: unknown key 'size'; there is none to choose from",
        "recipe.yaml:6:28: error: 'final_sparsity' must be below 1, but is 1.5",
        "recipe.yaml:6:33: error: unknown key 'sparsities'; did you mean 'sparsity'?",
        "recipe.yaml:6:58: error: 'epochs' takes a whole number, not the text 'many'",
        "recipe.yaml:8:23: error: 'precision' cannot be the text 'int9'; did you mean 'int8'?",
    ]


def test_a_parameter_given_on_the_command_line_is_wrong_there(write):
    with pytest.raises(RecipeError) as caught:
        prepare(write(chain("prune")), ["steps.prune.with.final_sparsity=2"])
    assert str(caught.value) == (
        "--set steps.prune.with.final_sparsity=2:1:33: error: 'final_sparsity' must be below 1, but is 2\n"
        "    1 | steps.prune.with.final_sparsity=2\n"
        "      |                                 ^"
    )


def test_unknown_names_are_told_all_at_once_with_what_was_meant(write):
    text = """\
        version: 1
        model: {source: mnist_cn}
        data: {source: mnst}
        evaluation: {metrics: [accuracy, acuracy]}
        steps:
          - uses: prun
        """
    assert heads(write(text)) == [
        "recipe.yaml:2:17: error: unknown model 'mnist_cn'; did you mean 'mnist_cnn'?",
        "recipe.yaml:3:16: error: unknown data set 'mnst'; did you mean 'mnist'?",
        "recipe.yaml:4:34: error: unknown metric 'acuracy'; did you mean 'accuracy'?",
        "recipe.yaml:6:11: error: unknown strategy 'prun'; did you mean 'prune'?",
    ]


def test_a_folder_beside_the_recipe_is_named_with_what_to_write_for_it(write):
    path = write("version: 1\nmodel: {source: saved}\ndata: {source: mnist}\nsteps: [{uses: ptq}]\n")
    (path.parent / "saved").mkdir()
    assert heads(path) == ["recipe.yaml:2:17: error: unknown model 'saved'; write './saved' for the file or folder"]


def test_what_is_wrong_with_the_language_and_with_the_names_is_told_at_once(write):
    assert heads(write(chain("prun") + "colour: red\n")) == [
        "recipe.yaml:5:11: error: unknown strategy 'prun'; did you mean 'prune'?",
        "recipe.yaml:6:1: error: unknown key 'colour'; known: constraints, data, description, evaluation, model, name, "
        "objectives, plugins, requires, runtime, steps, target and 3 more",
    ]


def test_a_model_that_comes_untrained_wants_training(write):
    assert refusal(write("version: 1\nmodel: {source: mnist_cnn}\ndata: {source: mnist}\n")) == (
        "recipe.yaml:2:17: error: the model 'mnist_cnn' comes untrained; add 'train: {epochs: 10}' under 'model'\n"
        "    2 | model: {source: mnist_cnn}\n"
        "      |                 ^^^^^^^^^"
    )


def test_a_model_from_a_file_needs_no_training(write):
    plan = prepare(write("version: 1\nmodel: {source: ./mine.keras}\ndata: {source: mnist}\nsteps: [{uses: prune}]\n"))
    assert plan.baseline is None
    assert [step.id for step in plan.stages] == ["prune"]


def test_parameters_for_a_file_are_refused_rather_than_ignored(write):
    path = write(
        "version: 1\nmodel: {source: ./m.keras, with: {filters: 3}}\ndata: {source: ./d.npz, with: {size: 1}}\n"
    )
    assert heads(path) == [
        "recipe.yaml:2:34: error: 'model.with' has no effect for a file; remove it",
        "recipe.yaml:3:32: error: unknown key 'size'; known: weights",
    ]


def test_without_the_strategy_train_the_baseline_cannot_be_trained(write):
    path = write(HEAD)
    messages = heads(path, Registry())
    assert "recipe.yaml:2:35: error: unknown strategy 'train'; there is none to choose from" in messages


@pytest.mark.parametrize("name", [name for name in shipped.names() if not name.startswith("search_")])
def test_the_plan_of_a_shipped_recipe_survives_a_pickle(name):
    plan = prepare(name, seed=3)
    again = pickle.loads(pickle.dumps(plan))
    assert [(step.id, step.provider, step.before, step.after) for step in again.stages] == [
        (step.id, step.provider, step.before, step.after) for step in plan.stages
    ]
    assert [step.strategy.params for step in again.stages] == [step.strategy.params for step in plan.stages]
    assert again.recipe == plan.recipe
    assert again.recipe.tree == plan.recipe.tree
    assert again.seed == 3


def test_a_plan_survives_a_pickle_into_another_process(write, tmp_path):
    (tmp_path / "plan").write_bytes(pickle.dumps(prepare(write(chain("prune", "ptq")))))
    code = (
        "import pickle, sys\n"
        "print([step.id for step in pickle.load(open('plan', 'rb')).stages], 'tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout == "['baseline', 'prune', 'ptq'] False\n"


STEPS = st.sampled_from(
    [{"uses": name} for name in Registry.installed().names("strategy")]
    + [{"uses": "ptq", "with": {"precision": precision}} for precision in ("dynamic", "float16")]
)


def plan_of(steps, registry):
    model = {"source": "mnist_cnn", "train": {"epochs": 1}}
    return resolve(load({"version": 1, "model": model, "data": {"source": "mnist"}, "steps": steps}), registry)


def is_accepted(steps, registry):
    try:
        plan_of(steps, registry)
    except RecipeError:
        return False
    return True


@settings(deadline=None, max_examples=150)
@given(steps=st.lists(STEPS, max_size=4))
def test_any_chain_is_planned_or_refused_and_an_order_is_offered_if_and_only_if_one_works(steps, registry):
    steps = [{**step, "id": f"s{index}"} for index, step in enumerate(steps)]
    try:
        plan = plan_of(steps, registry)
    except RecipeError as error:
        _, offered, order = str(error).partition("an order that works: ")
        if offered:
            by_id = {step["id"]: step for step in steps}
            assert is_accepted([by_id[id_] for id_ in order.split(" -> ")], registry)
        else:
            assert not any(is_accepted(list(other), registry) for other in permutations(steps))
    else:
        assert [step.id for step in plan.steps] == [step["id"] for step in steps]
        states = [ModelState(), *(step.after for step in plan.steps)]
        assert [step.before for step in plan.steps] == states[:-1]


def test_a_refusal_is_no_error_of_the_tool():
    with pytest.raises(Refusal) as caught:
        ModelState("litert").require(format="keras")
    assert str(caught.value) == "needs a Keras model"
