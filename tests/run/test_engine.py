"""The engine, on real models and real digits: what it measures, what it refuses, and how it treats a bad plugin."""

import shutil
import sys

import numpy as np
import pytest
from running import run

import compressor
from compressor.base.errors import ModelError, StepError
from compressor.contracts.execution_plan import Provider
from compressor.contracts.hookspecs import hookimpl
from compressor.contracts.model_state import ModelState
from compressor.contracts.strategy import Strategy
from compressor.planning.planner import resolve
from compressor.planning.registry import Registry
from compressor.recipe.load import load
from compressor.recipe.problems import RecipeError
from compressor.run.cache.store import Cache
from compressor.run.stages.saved_model import SavedModel


def recipe(*steps, model=None, **sections):
    data = {
        "version": 1,
        "name": "test",
        "model": model or {"source": "mnist_cnn", "train": {"epochs": 1}},
        "data": {"source": "mnist"},
        "steps": list(steps),
        **sections,
    }
    return load(data)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A cache with the baseline that most of these runs start from."""
    folder = tmp_path_factory.mktemp("trained")
    run(resolve(recipe(), Registry.installed(), smoke=True), folder, Cache(folder / "cache"))
    return folder / "cache"


@pytest.fixture(autouse=True)
def warm_cache(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "cache")


def smoke(tmp_path, *steps, registry=None, **sections):
    plan = resolve(recipe(*steps, **sections), registry or Registry.installed(), smoke=True)
    return run(plan, tmp_path, Cache(tmp_path / "cache"))


def registry_with(*strategies):
    class Plugin:
        @hookimpl
        def strategies(self):
            return list(strategies)

    registry = Registry.installed()
    registry.add(Plugin(), "bad", Provider("bad-plugin", "1.2"))
    return registry


def strategy(apply, after=lambda state: state):
    class Odd(Strategy):
        """Does something odd."""

        name = "odd"

        def plan(self, state):
            return after(state)

    Odd.apply = lambda self, model, context: apply(model, context)
    Odd.__abstractmethods__ = frozenset()
    return Odd


def test_zeros_are_kept_to_the_last_file_and_every_stage_is_measured_on_its_own(tmp_path):
    result = smoke(tmp_path, {"uses": "prune"}, {"uses": "qat"}, {"uses": "ptq"})
    ids = [stage.id for stage in result.stages]
    assert ids == ["baseline", "prune", "qat", "ptq"]
    sparsity = [stage.measurement.anatomy.sparsity for stage in result.stages]
    assert sparsity[0] == 0
    assert all(share >= 0.799 for share in sparsity[1:])
    assert [stage.measurement.anatomy.weight_bits for stage in result.stages] == [32, 32, 8, 8]
    for index, stage in enumerate(result.stages):
        assert (tmp_path / "stages" / f"{index}-{stage.id}.tflite").read_bytes() == stage.content
        assert stage.measurement.anatomy.bytes == len(stage.content)


def test_ptq_takes_the_file_that_qat_was_measured_as_and_would_have_made_the_same(tmp_path, monkeypatch):
    steps = [{"uses": "qat"}, {"uses": "ptq"}]
    taken = [stage.content for stage in smoke(tmp_path, *steps).stages]
    assert taken[-1] == taken[-2]
    monkeypatch.setattr(SavedModel, "measured_as", lambda self, content, remarks: self)
    plan = resolve(recipe(*steps), Registry.installed(), smoke=True)
    (tmp_path / "again").mkdir()
    made = run(plan, tmp_path / "again", Cache(tmp_path / "another cache"))
    assert [stage.content for stage in made.stages] == taken


def test_the_keras_metric_stands_beside_the_files_while_there_is_a_keras_model(tmp_path):
    result = smoke(tmp_path, {"uses": "ptq"})
    baseline, ptq = (stage.measurement for stage in result.stages)
    assert baseline.keras_scores["accuracy"] == pytest.approx(baseline.scores["accuracy"].mean(), abs=0.005)
    assert ptq.keras_scores == {}


def test_the_same_seed_gives_the_same_files_and_another_seed_others(tmp_path):
    files = []
    for index, seed in enumerate((0, 0, 1)):
        folder = tmp_path / str(index)
        folder.mkdir()
        plan = resolve(
            recipe({"uses": "prune"}, {"uses": "qat"}, {"uses": "ptq"}), Registry.installed(), seed=seed, smoke=True
        )
        files.append([stage.content for stage in run(plan, folder, Cache(folder / "cache")).stages])
    assert files[0] == files[1]
    assert all(a != b for a, b in zip(files[0], files[2], strict=True))


def test_a_pattern_that_matches_no_layer_is_told_before_anything_is_trained(tmp_path):
    with pytest.raises(RecipeError) as error:
        smoke(tmp_path, {"uses": "prune", "with": {"layers": ["convv", "type:Dense"], "except": ["nothing*"]}})
    assert str(error.value) == (
        "error: 'convv' matches no layer of the model; did you mean 'conv'?\n"
        "error: 'nothing*' matches no layer of the model; known: conv, dense, flatten, image, pool, reshape"
    )
    assert not list((tmp_path / "stages").glob("*.tflite"))
    with pytest.raises(RecipeError) as error:
        smoke(tmp_path, {"uses": "prune", "with": {"sparsity": {"conv": 0.5, "type:Desne": 0.9}}})
    assert str(error.value) == (
        "error: 'type:Desne' matches no layer of the model; known: conv, dense, flatten, image, pool, reshape"
    )


def test_a_model_that_comes_trained_is_its_own_baseline(tmp_path, small_cnn):
    import tf_keras

    path = tmp_path / "my model.h5"
    small_cnn().save(path)
    plan = resolve(recipe({"uses": "ptq"}, model={"source": str(path)}), Registry.installed(), smoke=True)
    tf_keras.backend.clear_session()
    result = run(plan, tmp_path, Cache(tmp_path / "cache"))
    assert [(stage.id, stage.uses) for stage in result.stages] == [("baseline", ""), ("ptq", "ptq")]
    assert result.model == "my model.h5"


def test_a_step_that_loses_zeros_fails_the_run(tmp_path):
    def refill(model, context):
        model.set_weights([weight + 0.1 for weight in model.get_weights()])
        return model

    with pytest.raises(StepError) as error:
        smoke(tmp_path, {"uses": "prune"}, {"uses": "odd"}, registry=registry_with(strategy(refill)))
    assert str(error.value) == (
        "the step 'odd' lost zeros: 80.0% of the weights after 'prune', 0.0% now; "
        "put it before 'prune', or use a strategy that keeps zeros"
    )


def test_a_step_that_claims_to_quantize_and_does_not_fails_the_run(tmp_path):
    odd = strategy(lambda model, _: compressor.to_litert(model), lambda state: state.to("litert").add("quantized"))
    with pytest.raises(StepError, match="the step 'odd' quantized no weight"):
        smoke(tmp_path, {"uses": "odd"}, registry=registry_with(odd))


@pytest.mark.parametrize(
    ("apply", "message"),
    [
        (lambda model, _: 1 / 0, "failed with ZeroDivisionError: division by zero"),
        (lambda model, _: sys.exit(3), "failed with SystemExit: 3"),
        (lambda model, _: np.zeros(10**16), "ran out of memory"),
    ],
)
def test_a_plugin_that_raises_fails_its_step_and_is_named(tmp_path, apply, message):
    with pytest.raises(StepError) as error:
        smoke(tmp_path, {"uses": "odd"}, registry=registry_with(strategy(apply)))
    assert str(error.value).startswith(f"the step 'odd' (odd, bad-plugin 1.2) {message}; ")
    assert error.value.exit_code == 4
    assert (tmp_path / "stages" / "0-baseline.tflite").exists()


@pytest.mark.parametrize(("returned", "kind"), [(None, "NoneType"), ("a model", "str"), (b"bytes", "bytes")])
def test_a_plugin_that_returns_no_model_fails_its_step_and_is_named(tmp_path, returned, kind):
    with pytest.raises(StepError) as error:
        smoke(tmp_path, {"uses": "odd"}, registry=registry_with(strategy(lambda model, _: returned)))
    assert str(error.value) == (
        f"the step 'odd' (odd, bad-plugin 1.2) returned {kind}; its strategy must return a tf_keras model"
    )


def test_a_function_that_returns_no_model_is_refused(tmp_path):
    plan = resolve(recipe(model={"source": "platform:platform"}), Registry.installed(), smoke=True)
    with pytest.raises(ModelError) as error:
        run(plan, tmp_path, Cache(tmp_path / "cache"))
    assert str(error.value) == ("the model 'platform:platform' is no model but str; give a tf_keras model")


def test_the_remedy_for_a_subclassed_model_makes_one_that_works(tmp_path):
    import tf_keras

    def functional():
        model = subclassed(shape=(28, 28))
        x = tf_keras.Input((28, 28))
        return tf_keras.Model(x, model.call(x))

    result = smoke(tmp_path, {"uses": "ptq"}, model={"source": "given"}, registry=model_from(functional))
    assert result.stages[-1].measurement.anatomy.weight_bits == 8


def test_strategies_get_no_test_split(tmp_path):
    seen = []
    odd = strategy(lambda model, context: seen.append(vars(context)) or model)
    smoke(tmp_path, {"uses": "odd"}, registry=registry_with(odd))
    assert not any("test" in key for key in seen[0])
    assert isinstance(seen[0]["state"], ModelState)


def test_a_stage_is_measured_from_its_file_and_not_from_the_model_in_memory(tmp_path):
    """A layer's attribute that its file does not hold must not get into what ships."""

    def sneak(model, context):
        pool = model.get_layer("pool")
        pool.pool_function = lambda inputs, *_, **__: inputs[:, ::2, ::2] * 0
        return model

    result = smoke(tmp_path, {"uses": "odd"}, registry=registry_with(strategy(sneak)))
    baseline, odd = result.stages
    assert odd.content == baseline.content


def test_a_step_that_changes_the_model_it_was_given_leaves_the_stage_before_alone(tmp_path):
    def spoil(model, context):
        import tf_keras

        model.set_weights([weight * 0 for weight in model.get_weights()])
        return tf_keras.models.clone_model(model)

    result = smoke(tmp_path, {"uses": "odd"}, registry=registry_with(strategy(spoil)))
    alone = smoke((tmp_path / "alone"), registry=Registry.installed()) if (tmp_path / "alone").mkdir() is None else None
    assert result.stages[0].content == alone.stages[0].content
    assert (tmp_path / "stages" / "0-baseline.h5").read_bytes() == (
        tmp_path / "alone" / "stages" / "0-baseline.h5"
    ).read_bytes()


def test_random_numbers_are_the_same_for_a_step_between_litert_files(tmp_path):
    drawn = []

    def draw(content, context):
        import random

        drawn.append((random.random(), float(np.random.rand())))
        return content

    for index in range(2):
        (tmp_path / str(index)).mkdir()
        smoke(tmp_path / str(index), {"uses": "ptq"}, {"uses": "odd"}, registry=registry_with(strategy(draw)))
        np.random.seed(99)
    assert drawn[0] == drawn[1]


def test_a_strict_step_fails_where_it_leaves_a_layer_alone_cached_or_not(tmp_path):
    def leave(model, context):
        context.leave_alone("conv", "it is odd")
        return model

    registry = registry_with(strategy(leave))
    assert smoke(tmp_path, {"uses": "odd"}, registry=registry).stages[-1].left_alone == {"conv": "it is odd"}
    with pytest.raises(StepError) as error:
        smoke(tmp_path, {"uses": "odd", "strict": True}, registry=registry)
    assert str(error.value) == (
        "the step 'odd' is strict, and left alone\n  conv: it is odd; "
        "\nname them under 'except', change the model, or drop 'strict: true'"
    )


def model_from(build, **recipe_parts):
    from compressor.contracts.sources import ModelSource

    class Given(ModelSource):
        """Brought by a plugin."""

        name = "given"
        trained = True
        repeatable = False

    Given.build = lambda self: build()
    Given.__abstractmethods__ = frozenset()

    class Plugin:
        @hookimpl
        def models(self):
            return [Given]

    registry = Registry.installed()
    registry.add(Plugin(), "bad", Provider("bad-plugin", "1.2"))
    return registry


def subclassed(shape=(784,)):
    import tf_keras

    class Mine(tf_keras.Model):
        def __init__(self):
            super().__init__()
            self.flatten = tf_keras.layers.Flatten()
            self.dense = tf_keras.layers.Dense(10)

        def call(self, inputs):
            return self.dense(self.flatten(inputs))

    model = Mine()
    model.build((None, *shape))
    return model


def unbuilt():
    import tf_keras

    return tf_keras.Sequential([tf_keras.layers.Flatten(), tf_keras.layers.Dense(10)])


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            subclassed,
            "the model 'given' (bad-plugin 1.2) is a subclass of tf_keras.Model, whose layers cannot be seen from "
            "outside; make it a functional one, which shares its layers and weights, with `x = tf_keras.Input(shape); "
            "tf_keras.Model(x, model.call(x))`, or export it as .tflite and start from that",
        ),
        (
            unbuilt,
            "the model 'given' (bad-plugin 1.2) has no weights yet, since it does not know its input's shape; "
            "build it, as with model.build((None, 28, 28)) or an Input layer",
        ),
        (
            lambda: 1 / 0,
            "the model 'given' (bad-plugin 1.2) failed with ZeroDivisionError: division by zero; "
            "fix it, or report it to its author; --debug shows the traceback",
        ),
    ],
)
def test_a_model_that_cannot_be_used_is_refused_in_words_that_help(tmp_path, build, message):
    with pytest.raises(ModelError) as error:
        smoke(tmp_path, {"uses": "ptq"}, model={"source": "given"}, registry=model_from(build))
    assert str(error.value) == message
