"""`compressor.register`: a class of a program or a notebook is found by its name, and replaced by the next one."""

import pytest

import compressor
from compressor.base.errors import PluginError
from compressor.planning import registered
from compressor.planning.registry import Registry


@pytest.fixture(autouse=True)
def nothing_registered(monkeypatch):
    monkeypatch.setattr(registered, "_registered", {})


def shaving(name="shave", **members):
    """A strategy, as a cell of a notebook would define it."""
    members = {"plan": lambda self, state: state, "apply": lambda self, model, context: model, **members}
    return type("Shave", (compressor.Strategy,), {"__doc__": "Shave.", "name": name, **members})


def recipe(*steps):
    model = {"source": "mnist_cnn", "train": {"epochs": 1}}
    return {"version": 1, "model": model, "data": {"source": "mnist"}, "steps": [{"uses": step} for step in steps]}


def test_a_registered_class_is_found_by_its_name_and_returned():
    cls = shaving()
    assert compressor.register(cls) is cls
    (step,) = compressor.plan(recipe("shave")).steps
    assert (type(step.strategy), str(step.provider)) == (cls, "session in memory")


def test_the_class_of_a_cell_that_is_run_again_replaces_the_one_before():
    compressor.register(shaving())
    later = compressor.register(shaving())
    (entry,) = Registry.installed().entries["strategy"]["shave"]
    assert entry.cls is later


def test_classes_of_every_kind_and_objects_with_hooks_can_be_registered():
    class Ones(compressor.Metric):
        """Ones."""

        name = "ones"

        def per_sample(self, batch):
            return batch.labels

    class Plugin:
        @compressor.hookimpl
        def strategies(self):
            return [shaving("trim")]

    compressor.register(Ones)
    compressor.register(shaving())
    compressor.register(Plugin())
    registry = Registry.installed()
    assert {"shave", "trim"} <= set(registry.names("strategy"))
    assert registry.get("metric", "ones").cls is Ones


def test_a_name_of_the_tool_s_own_has_to_be_qualified():
    cls = compressor.register(shaving("prune"))
    (step,) = compressor.plan(recipe("session:prune")).steps
    assert type(step.strategy) is cls
    with pytest.raises(PluginError) as caught:
        Registry.installed().get("strategy", "prune")
    assert str(caught.value).endswith("; write 'compressor:prune' or 'session:prune'")


@pytest.mark.parametrize(
    ("thing", "said"),
    [
        (int, "it has no hooks; mark its functions with compressor.hookimpl"),
        (shaving(""), "the strategy Shave has no name; give it a class attribute 'name'"),
    ],
)
def test_what_is_no_plugin_is_refused_at_once(thing, said):
    with pytest.raises(PluginError) as caught:
        compressor.register(thing)
    assert str(caught.value) == said
    assert registered.registered_plugins() == {}
