"""A plugin's code fails in one message that names it, wherever it is called, and the stages before it stay usable."""

import sys

import numpy as np
import pytest

import compressor
from compressor import Metric, Strategy
from compressor.base.errors import CompressorError, PluginError, StepError
from compressor.contracts.configured_metric import ConfiguredMetric, FunctionMetric
from compressor.contracts.execution_plan import Provider
from compressor.contracts.hookspecs import hookimpl
from compressor.contracts.metric import Batch
from compressor.contracts.sources import Dataset
from compressor.measure.score_rows import per_sample
from compressor.planning.registry import Registry
from compressor.run.named_data_and_metrics import find_data, find_metrics
from compressor.run.stages.inputs import load_data

BY = "bad-plugin 1.2"
REMEDY = "fix it, or report it to its author; --debug shows the traceback"


def registry_with(**brought):
    plugin = type("Plugin", (), {hook: hookimpl(lambda self, c=classes: c) for hook, classes in brought.items()})()
    registry = Registry.installed()
    registry.add(plugin, "bad", Provider("bad-plugin", "1.2"))
    return registry


def recipe(*steps, metric="accuracy"):
    return {
        "version": 1,
        "name": "hostile",
        "model": {"source": "mnist_cnn", "train": {"epochs": 1}},
        "data": {"source": "mnist"},
        "evaluation": {"metrics": [metric]},
        "steps": list(steps),
    }


def odd_strategy(**members):
    body = {"__doc__": "Odd.", "name": "odd", "plan": lambda self, state: state}
    return type("Odd", (Strategy,), {**body, "apply": lambda self, model, context: model, **members})


def odd_metric(**members):
    return type("OddMetric", (Metric,), {"__doc__": "Odd.", "name": "odd", **members})


def raises(error):
    def method(self, *_):
        raise error

    return method


def batch():
    return Batch(np.eye(3, dtype=np.float32), np.arange(3), np.zeros((3, 4), np.float32))


def failure(what):
    with pytest.raises(CompressorError) as error:
        what()
    return error.value


@pytest.mark.parametrize(
    ("method", "code", "message"),
    [
        (raises(ZeroDivisionError("a slip")), 4, f" failed with ZeroDivisionError: a slip; {REMEDY}"),
        (raises(SystemExit(0)), 4, f" failed with SystemExit: 0; {REMEDY}"),
        (raises(KeyError("y")), 4, f" failed with KeyError: 'y'; {REMEDY}"),
        (lambda *_: None, 4, " gave figures of shape () for 3 samples; a metric gives one row of numbers a sample"),
        (lambda *_: "good", 4, " gave figures of shape () for 3 samples; a metric gives one row of numbers a sample"),
        (
            raises(ValueError("one number each")),
            1,
            ": it cannot judge outputs of shape (3, 3) by labels of shape (3,) (one number each); "
            "choose another metric, or data that fits the model",
        ),
    ],
)
def test_a_plugins_metric_that_fails_on_samples_is_named(method, code, message):
    configured = ConfiguredMetric.of(odd_metric(per_sample=method)(), origin=BY)
    error = failure(lambda: per_sample(configured, batch()))
    assert str(error) == f"the metric 'odd' ({BY}){message}"
    assert error.exit_code == code


def test_a_function_of_the_users_own_that_fails_is_wrong_input(tmp_path, monkeypatch):
    (tmp_path / "hostile_metric.py").write_text("def leave(outputs, labels):\n    raise SystemExit('bye')\n")
    monkeypatch.syspath_prepend(tmp_path)
    error = failure(lambda: per_sample(ConfiguredMetric.of(FunctionMetric("hostile_metric:leave", {}, True)), batch()))
    assert str(error) == f"the metric 'leave' failed with SystemExit: bye; {REMEDY}"
    assert error.exit_code == 1


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"score": raises(SystemExit(1))}, f"failed with SystemExit: 1; {REMEDY}"),
        (
            {"combine": lambda *_: None},
            f"failed with ValueError: its scores of 1 sets of samples have the shape (); {REMEDY}",
        ),
    ],
)
def test_a_metric_that_fails_on_means_fails_the_stage_and_keeps_its_model(tmp_path, members, message):
    metric = odd_metric(per_sample=lambda self, batch: np.ones(len(batch.labels)), **members)
    error = failure(
        lambda: compressor.apply(
            recipe(metric="odd"), output=tmp_path / "out", smoke=True, registry=registry_with(metrics=[metric])
        )
    )
    assert str(error) == f"the metric 'odd' ({BY}) {message}"
    assert error.exit_code == 4
    assert (tmp_path / "out" / "stages" / "0-baseline.h5").exists()


def keras_layer(**members):
    import tf_keras

    return type("Hostile", (tf_keras.layers.Layer,), members)


def adding(make):
    """A strategy that puts a layer of its own before the model."""

    def apply(self, model, context):
        import tf_keras

        return tf_keras.Sequential([tf_keras.Input((28, 28)), make(), model])

    return apply


STEP = f"the step 'odd' (odd, {BY})"


@pytest.mark.parametrize(
    ("layer", "objects", "message"),
    [
        ({"get_config": raises(ZeroDivisionError())}, None, f"{STEP}, whose model cannot be saved, failed with "),
        (
            {"from_config": classmethod(raises(SystemExit(2)))},
            None,
            f"the model of {STEP} failed with SystemExit: 2; {REMEDY}",
        ),
        (
            {},
            {},
            f"the model of {STEP}: it holds 'Hostile', which Keras does not know; "
            "have the strategy return it from 'custom_objects()'",
        ),
        ({}, [], f"the strategy 'odd' ({BY}): it returned list from 'custom_objects'; it must return a mapping"),
    ],
    ids=["saving", "loading", "unknown to Keras", "no mapping"],
)
def test_a_layer_that_fails_in_a_file_is_told_of_its_plugin(tensorflow, tmp_path, layer, objects, message):
    cls = keras_layer(**layer)
    odd = odd_strategy(apply=adding(cls), custom_objects=lambda self: {"Hostile": cls} if objects is None else objects)
    registry = registry_with(strategies=[odd])
    error = failure(
        lambda: compressor.apply(recipe({"uses": "odd"}), output=tmp_path / "out", smoke=True, registry=registry)
    )
    assert str(error).startswith(message)
    assert isinstance(error, StepError)
    assert (tmp_path / "out" / "stages" / "0-baseline.tflite").exists()
    report, _ = compressor.apply(recipe(), output=tmp_path / "again", smoke=True)
    assert report.stages[0].cached, "the stage before is usable"


def test_a_layer_whose_file_forgets_something_is_measured_as_the_file_has_it(tensorflow, tmp_path):
    """What ships is made from the file, so a run that goes on from the cache cannot differ."""
    import tf_keras

    class Scaling(tf_keras.layers.Layer):
        def __init__(self, factor=0.0, **more):
            super().__init__(**more)
            self.factor = factor

        def get_config(self):
            return {"name": self.name, "dtype": "float32"}

        def call(self, inputs):
            return inputs * self.factor

    odd = odd_strategy(apply=adding(lambda: Scaling(1.0)), custom_objects=lambda self: {"Scaling": Scaling})
    report, _ = compressor.apply(
        recipe({"uses": "odd"}), output=tmp_path / "out", smoke=True, registry=registry_with(strategies=[odd])
    )
    baseline, after = (stage.metrics["accuracy"].value for stage in report.stages)
    assert after < baseline
    assert after == report.stages[1].metrics["accuracy"].keras


def test_what_a_step_sets_for_the_whole_process_is_gone_for_the_next(tensorflow, tmp_path):
    import tf_keras

    seen = []

    def apply(self, model, context):
        seen.append((tf_keras.mixed_precision.global_policy().name, tf_keras.backend.floatx()))
        tf_keras.mixed_precision.set_global_policy("mixed_float16")
        tf_keras.backend.set_floatx("float16")
        return model

    registry = registry_with(strategies=[odd_strategy(apply=apply)])
    try:
        compressor.apply(
            recipe({"uses": "odd"}, {"uses": "odd"}), output=tmp_path / "out", smoke=True, registry=registry
        )
    finally:  # the last step's settings would reach the tests after this one
        tf_keras.mixed_precision.set_global_policy("float32")
        tf_keras.backend.set_floatx("float32")
    assert seen == [("float32", "float32")] * 2


def test_samples_cannot_be_changed_by_who_looks_at_them(digits):
    _, labels = next(digits.train.batches(10))
    with pytest.raises(ValueError, match="read-only"):
        labels += 1
    from compressor import ArraySplit

    inputs = np.ones((4, 2), np.float32)
    split = ArraySplit(inputs, np.zeros(4))
    with pytest.raises(ValueError, match="read-only"):
        split.samples.read(range(2))[0][:] = 0
    inputs[:] = 0  # whose it is may


def test_notes_that_are_no_text_do_not_take_the_run_down(step_context):
    context = step_context()
    context.note(3)
    context.leave_alone(type("Layer", (), {"__str__": lambda self: "conv"})(), None)
    assert (context.notes, context.left_alone) == (["3"], {"conv": "None"})


def test_a_strategy_that_forgets_its_parameters_is_refused_in_the_plan():
    registry = registry_with(strategies=[odd_strategy(__init__=lambda self, params: None)])
    with pytest.raises(PluginError) as error:
        compressor.plan(recipe({"uses": "odd"}), registry=registry)
    assert str(error.value) == (
        f"the strategy 'odd' ({BY}): its '__init__' does not keep 'params'; have it call super().__init__(params)"
    )


def odd_data(returned):
    return type("OddData", (Dataset,), {"__doc__": "Odd.", "name": "odd", "load": lambda self: returned})


def test_a_data_set_that_brings_no_data_is_named(tmp_path):
    registry = registry_with(datasets=[odd_data(None)])
    plan = compressor.plan({**recipe(), "data": {"source": "odd"}}, registry=registry)
    for load in (lambda: load_data(plan, tmp_path), lambda: find_data(registry, "odd")):
        error = failure(load)
        assert (error.exit_code, str(error)) == (
            1,
            f"the data set 'odd' ({BY}): it returned NoneType; return compressor.Splits, "
            "((x_train, y_train), (x_test, y_test)), a dict with x_train and so on, "
            "or a tf.data.Dataset or a Keras PyDataset for each split",
        )


def test_a_data_set_may_bring_what_a_function_may(tmp_path):
    pair = (np.zeros((20, 3)), np.arange(20))
    registry = registry_with(datasets=[odd_data((pair, pair))])
    plan = compressor.plan({**recipe(), "data": {"source": "odd"}}, registry=registry)
    assert load_data(plan, tmp_path).test.size == find_data(registry, "odd").test.size == 20


def test_a_metric_that_needs_parameters_is_for_recipes():
    params = type("Needs", (compressor.Params,), {"__annotations__": {"threshold": float}})
    registry = registry_with(metrics=[odd_metric(Params=params, per_sample=lambda self, batch: batch.labels)])
    error = failure(lambda: find_metrics(registry, ["odd"]))
    assert str(error) == "the metric 'odd' needs parameters; set them in a recipe"


def test_a_module_of_own_layers_that_ends_the_process_is_wrong_input(tmp_path, monkeypatch):
    from compressor.models.files.custom_objects import known_objects

    (tmp_path / "hostile_layers.py").write_text("import sys\nsys.exit(7)\n")
    monkeypatch.syspath_prepend(tmp_path)
    error = failure(lambda: known_objects(["hostile_layers"]))
    assert str(error) == f"'hostile_layers' of model.custom_objects failed with SystemExit: 7; {REMEDY}"
    assert error.exit_code == 1
    assert "hostile_layers" not in sys.modules
