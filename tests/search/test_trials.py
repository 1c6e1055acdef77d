"""The loop of a search, with made-up results in place of runs."""

import pytest

from compressor.base.errors import OutputError, StepError
from compressor.contracts.observer import Observer
from compressor.planning.open_recipe import open_recipe
from compressor.recipe.document import RecipeText
from compressor.run.cache.store import Cache
from compressor.search import trials
from compressor.search.optuna_study import SearchError
from compressor.search.search_folder import claimed_search
from compressor.search.trials import Budget, Search
from compressor.search.tried_recipe import Outcome

TEXT = """\
version: 1
model: {source: mnist_cnn, train: {epochs: 1}}
data: {source: mnist}
steps:
  - {uses: prune, optional: true, with: {epochs: 1}}
  - {uses: ptq, with: {precision: {search: [int8, dynamic, float16]}}}
objectives: [{minimize: size}]
"""


@pytest.fixture
def tried(monkeypatch):
    """The plans that were tried; a run gives what `tried.results` says of its precision."""

    class Tried(list):
        results = {"int8": 3.0, "dynamic": 4.0, "float16": 5.0}
        rehearsed = []

    tried = Tried()

    def run_trial(plan, goals, folder, cache, observer, rehearse):
        assert folder.is_dir() and not any(folder.iterdir())
        precision = plan.steps[-1].strategy.params.precision
        tried.append((len(plan.steps), precision))
        tried.rehearsed.append(rehearse)
        result = tried.results[precision]
        if isinstance(result, BaseException):
            raise result
        if isinstance(result, str):
            return Outcome((), {"stages.ptq.max_size": 0.5}, result)
        return Outcome((result,), {"max_size": max(0.0, (result or 0) - 4)})

    tried.rehearsed = []
    monkeypatch.setattr(trials, "run_trial", run_trial)
    return tried


@pytest.fixture
def search(registry, tmp_path):
    def begin(sampler="grid", text=TEXT, seed=0):
        (tmp_path / "s").mkdir(exist_ok=True)
        opened = open_recipe(RecipeText("r", text), (), registry)
        return Search(opened, registry, tmp_path / "s", Cache(tmp_path / "cache"), sampler=sampler, seed=seed)

    return begin


def run(search, **budget):
    told = []
    records = search.run(Budget(**budget), Observer(), told.append)
    return records, told


def test_a_grid_ends_when_every_recipe_has_been_tried_and_each_order_of_steps_is_rehearsed_once(search, tried):
    records, told = run(search(), trials=100)
    assert tried == [(steps, precision) for steps in (2, 1) for precision in ("int8", "dynamic", "float16")]
    assert tried.rehearsed == [True, False, False, True, False, False]
    assert [record.values for record in records] == [(3.0,), (4.0,), (5.0,)] * 2
    assert [record.meets_all for record in records] == [True, True, False] * 2
    assert [record.number for record in told] == [1, 2, 3, 4, 5, 6]
    assert [(record.assignment, record.values) for record in told] == [
        (record.assignment, record.values) for record in records
    ]


def test_what_was_tried_before_is_not_run_again(search, tried):
    records, _ = run(search("random"), trials=12)
    assert len(tried) == len(set(tried)) < len(records)
    for record in records:
        if record.repeats:
            first = records[record.repeats - 1]
            assert (first.assignment, first.values) == (record.assignment, record.values)


def test_a_search_that_is_interrupted_in_a_trial_goes_on_with_that_trial(search, tried):
    tried.results = {**tried.results, "dynamic": KeyboardInterrupt()}
    with pytest.raises(KeyboardInterrupt):
        run(search(), trials=6)
    assert [record.number for record in search().records] == [1]
    tried.results = {**tried.results, "dynamic": 4.0}
    records, told = run(search(), trials=6)
    assert [record.number for record in told] == [2, 3, 4, 5, 6]
    assert [record.values for record in records] == [(3.0,), (4.0,), (5.0,)] * 2
    assert tried[:3] == [(2, "int8"), (2, "dynamic"), (2, "dynamic")]


def test_a_trial_that_fails_is_one_failed_trial_and_the_search_goes_on(search, tried):
    tried.results = {"int8": StepError("the step 'ptq' failed: no", "try another"), "dynamic": 4.0, "float16": None}
    records, _ = run(search(), trials=3)
    assert [(record.state, record.reason) for record in records] == [
        ("failed", "the step 'ptq' failed: no; try another"),
        ("done", ""),
        ("failed", "size is not known of its file, and is an objective"),
    ]
    assert search().records == records


def test_a_trial_that_was_stopped_says_why(search, tried):
    tried.results = {**tried.results, "int8": "stopped after 'ptq', which misses max_size"}
    records, _ = run(search(), trials=1)
    assert [(record.state, record.reason, record.values) for record in records] == [
        ("stopped", "stopped after 'ptq', which misses max_size", ())
    ]
    assert records[0].misses == {"stages.ptq.max_size": 0.5}


def test_if_every_trial_fails_the_search_fails_with_the_first_reason(search, tried):
    tried.results = dict.fromkeys(tried.results, StepError("the step failed", "try another"))
    with pytest.raises(StepError) as caught:
        run(search(), trials=2)
    assert str(caught.value) == (
        "all 2 trials failed; the first one: the step failed; try another; "
        "mend that, or change what the recipe leaves open"
    )
    assert caught.value.exit_code == 4


def test_a_full_disk_ends_the_search_and_is_no_failed_trial(search, tried):
    tried.results = {**tried.results, "dynamic": OutputError("the disk is full", "free some space")}
    with pytest.raises(OutputError):
        run(search(), trials=6)
    assert [record.state for record in search().records] == ["done"]


def test_minutes_end_a_search(search, tried, monkeypatch):
    clock = iter(range(0, 100_000, 20))
    monkeypatch.setattr(trials.time, "monotonic", lambda: float(next(clock)))
    records, _ = run(search(), minutes=1.5)
    assert 1 <= len(records) < 6


def test_a_search_goes_on_only_with_the_same_settings_and_in_a_folder_of_its_own(tmp_path):
    settings = {"recipe": {"a": [1]}, "seed": 0}
    with claimed_search(tmp_path / "s", "r", settings, False) as folder:
        with pytest.raises(OutputError) as caught, claimed_search(folder, "r", settings, True):
            pass
        assert str(caught.value) == f"another search is using the folder {folder}; name another one"
    with claimed_search(tmp_path / "s", "r", settings, True):
        pass
    for other, named in (({"seed": 1}, "seed"), ({"seed": 1, "recipe": {}}, "recipe and another seed")):
        with pytest.raises(SearchError) as caught, claimed_search(tmp_path / "s", "r", settings | other, True):
            pass
        assert str(caught.value) == (
            f"the search in {tmp_path / 's'} was made with another {named}; "
            "begin a new one by leaving out --resume, or change it back"
        )
    with pytest.raises(OutputError) as caught, claimed_search(tmp_path / "s", "r", settings, False):
        pass
    assert str(caught.value) == (
        f"the folder {tmp_path / 's'} is not empty; to go on with a search, write --resume {tmp_path / 's'}"
    )
