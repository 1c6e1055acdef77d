"""How far a trial is from what its target demands."""

from types import SimpleNamespace

from compressor.search import tried_recipe


def test_a_file_that_is_too_large_for_its_target_misses_it_by_a_share_and_one_that_does_not_run_by_all(monkeypatch):
    def verdict(name, met):
        return SimpleNamespace(name=f"target.{name}", met=met)

    rows = [verdict("flash", False), verdict("ram", True), verdict("operators", False)]
    monkeypatch.setattr(tried_recipe, "device_verdicts", lambda device, stages: rows)
    device = SimpleNamespace(flash_bytes=150_000, flash_limit=100_000, ram_bytes=10, ram_limit=20)
    found = tried_recipe._device_misses(SimpleNamespace(device=object()), [SimpleNamespace(device=device)])
    assert found == {"target.flash": 0.5, "target.ram": 0.0, "target.operators": 1.0}
