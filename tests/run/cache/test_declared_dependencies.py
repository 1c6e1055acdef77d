"""What a strategy says that it depends on is part of its key and of the lock, and nothing of it is stored in clear."""

import pytest

import compressor
from compressor import DependsOn
from compressor.base.errors import StepError
from compressor.base.hashing import bytes_digest
from compressor.contracts.execution_plan import Provider
from compressor.contracts.hookspecs import hookimpl
from compressor.planning.registry import Registry
from compressor.run.cache import keys
from compressor.run.cache.entry_file import key_of
from compressor.run.lockfile import lock_of


def plan(depends):
    members = {"plan": lambda self, state: state, "apply": lambda self, model, context: model, "name": "odd"}
    odd = type("Odd", (compressor.Strategy,), {**members, "depends_on": lambda self: depends})
    plugin = type("Plugin", (), {"strategies": hookimpl(lambda self: [odd])})()
    registry = Registry.installed()
    registry.add(plugin, "bad", Provider("bad-plugin", "1.2"))
    recipe = {
        "version": 1,
        "name": "r",
        "model": {"source": "mnist_cnn", "train": {"epochs": 1}},
        "data": {"source": "mnist"},
        "steps": [{"uses": "odd"}],
    }
    return compressor.plan(recipe, registry=registry)


@pytest.fixture
def key(monkeypatch):
    monkeypatch.setattr(keys, "code_digest", lambda *_: "code")  # that of a class made in a test is never the same

    def make(depends):
        made = plan(depends)
        return key_of(keys.step_parts(made.steps[-1], "m", (), "d", made))

    return make


def test_a_variable_a_file_and_a_digest_change_the_key(key, tmp_path, monkeypatch):
    table = tmp_path / "table.txt"
    depends = DependsOn(("ODD_TABLE",), (table,), "v1")
    monkeypatch.delenv("ODD_TABLE", raising=False)
    seen = [key(DependsOn()), key(depends)]
    monkeypatch.setenv("ODD_TABLE", "")
    seen.append(key(depends))
    monkeypatch.setenv("ODD_TABLE", "secret")
    seen.append(key(depends))
    table.write_text("1")
    seen.append(key(depends))
    table.write_text("2")
    seen.append(key(depends))
    seen.append(key(DependsOn(("ODD_TABLE",), (table,), "v2")))
    assert len(set(seen)) == len(seen)
    assert key(depends) == seen[-2]


def test_the_lock_has_it_by_step_without_values(tmp_path, monkeypatch):
    monkeypatch.setenv("ODD_TABLE", "secret")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "table.txt").write_text("1")
    locked = lock_of(plan(DependsOn(("ODD_TABLE", "NOT_SET"), ("table.txt", "none.txt"), "v1")), {})
    assert locked.depends_on == {
        "odd": {
            "variable ODD_TABLE": bytes_digest(b"secret"),
            "variable NOT_SET": "missing",
            "file table.txt": bytes_digest(b"1"),
            "file none.txt": "missing",
            "digest": "v1",
        }
    }


def test_what_is_no_declaration_or_no_file_is_refused(tmp_path):
    for depends, message in (
        ({"HOME": 1}, "returned dict from 'depends_on'; it must return a compressor.DependsOn"),
        (
            DependsOn(files=(tmp_path,)),
            f"depends on {tmp_path}, which is no file; it must name the files that it reads",
        ),
    ):
        with pytest.raises(StepError) as error:
            lock_of(plan(depends), {})
        assert str(error.value) == f"the strategy 'odd' (bad-plugin 1.2) {message}"
