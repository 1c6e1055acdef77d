"""A forecast tells what a run would make and why, and the run does just that."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import compressor
from compressor.base.versions import versions
from compressor.run.cache import keys
from compressor.run.cache.entry_file import key_of
from compressor.run.cache.store import Cache
from compressor.run.forecast import Forecast, forecast

STAGES = ("baseline", "prune", "qat", "ptq")


@pytest.fixture
def prospects(smoke_run):
    """A function that forecasts `prune_qat` on the cache of the smoke run."""

    def tell(*overrides, folder=smoke_run[1].parent / "cache", **how):
        return forecast(compressor.plan("prune_qat", overrides=overrides, **{"smoke": True, **how}), Cache(folder))

    return tell


def test_before_any_run_everything_is_to_be_made(prospects, tmp_path):
    reason = "this model has not run with this data before"
    assert prospects(folder=tmp_path / "none") == [Forecast(name, False, reason) for name in STAGES]


def test_after_a_run_everything_is_cached(prospects):
    assert prospects() == [Forecast(name, True, "cached") for name in STAGES]


def test_a_constraint_leaves_everything_cached(prospects):
    assert all(one.cached for one in prospects("constraints.max_size=1 kB"))


def test_a_changed_parameter_of_the_last_step_is_named(prospects):
    *before, last = prospects("steps.2.with.calibration_samples=7")
    assert [one.cached for one in before] == [True, True, True]
    reason = "changed since its last run: parameters.calibration_samples"
    assert last == Forecast("ptq", False, reason, ("parameters.calibration_samples",))


def test_what_follows_a_changed_step_is_made_anew(prospects):
    baseline, prune, *rest = prospects("steps.0.with.final_sparsity=0.9")
    assert baseline.cached
    assert prune.changed == ("parameters.final_sparsity",)
    assert rest == [Forecast(name, False, "an earlier step has to run") for name in ("qat", "ptq")]


def test_a_full_run_after_a_smoke_run_has_not_run_before(prospects):
    assert {one.reason for one in prospects(smoke=False)} == {"this model has not run with this data before"}


def test_another_model_has_not_run_before(prospects):
    found = prospects("model.with.filters=5")
    assert {one.reason for one in found} == {"this model has not run with this data before"}


def test_another_seed_is_named_and_everything_made_anew(prospects):
    first, *rest = prospects(seed=1)
    assert first == Forecast("baseline", False, "changed since its last run: seed", ("seed",))
    assert {one.reason for one in rest} == {"an earlier step has to run"}


def test_a_changed_version_is_named(prospects, monkeypatch):
    other = {**versions(), "numpy": "0.1"}
    monkeypatch.setattr(keys, "versions", lambda: other)
    assert prospects()[0] == Forecast(
        "baseline", False, "changed since its last run: versions.numpy", ("versions.numpy",)
    )


def test_changed_code_of_the_engine_is_named(prospects, monkeypatch):
    monkeypatch.setattr(keys, "core_digest", lambda modules: "other")
    assert prospects()[0].changed == ("code of the engine",)


def test_an_entry_that_is_gone_is_said_to_be(prospects, smoke_run):
    folder = smoke_run[1].parent / "cache"
    plan = compressor.plan("prune_qat", smoke=True)
    gone = next(
        entry.path
        for entry in Cache(folder).entries()
        if entry.kind == "step"
        and Cache(folder).get("step", entry.key).parts == Cache(folder).recall(keys.note_name(plan, "ptq"))
    )
    content = gone.read_bytes()
    gone.unlink()
    try:
        assert prospects()[-1] == Forecast("ptq", False, "its entry is gone from the cache")
    finally:
        gone.write_bytes(content)


def test_a_model_that_was_trusted_when_it_ran_is_known(tmp_path):
    (tmp_path / "own.h5").write_bytes(b"its content")
    recipe = {"version": 1, "name": "own", "model": {"source": str(tmp_path / "own.h5")}, "data": {"source": "mnist"}}
    plan, cache = compressor.plan({**recipe, "steps": [{"uses": "ptq"}]}), Cache(tmp_path / "cache")
    cache.remember(f"data {key_of(keys.data_parts(plan))}", {"fingerprint": "f"})
    assert forecast(plan, cache)[0].reason == "this model has not run with this data before"
    trusted = keys.source_parts(replace(plan, trust_model=True))
    cache.put("step", key_of(trusted), trusted, {"digest": "d"}, {})
    assert forecast(plan, cache)[0].reason == "it has not run before"


def test_a_model_that_only_a_run_can_build_has_no_forecast(tmp_path):
    recipe = {"version": 1, "name": "own", "model": {"source": "my_models:build"}, "data": {"source": "mnist"}}
    found = forecast(compressor.plan({**recipe, "steps": [{"uses": "ptq"}]}), Cache(tmp_path))
    assert found == [Forecast("ptq", False, "the model or the data is known only when the recipe runs")]


def test_a_forecast_needs_no_tensorflow(smoke_run):
    code = (
        "import sys, compressor; from compressor.run.forecast import forecast; "
        "from compressor.run.cache.store import Cache; from pathlib import Path; "
        "plan = compressor.plan('prune_qat', smoke=True); "
        "print([one.cached for one in forecast(plan, Cache(Path(sys.argv[1])))], 'tensorflow' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(Path(smoke_run[1]).parent / "cache")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[True, True, True, True] False\n", "")
