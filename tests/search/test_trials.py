"""The loop of a search, with made-up results in place of runs."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from compressor.base.errors import CompressorError, DataError, OutputError, StepError
from compressor.contracts.observer import Observer
from compressor.planning.open_recipe import open_recipe
from compressor.recipe.document import RecipeText
from compressor.recipe.objectives import Goal
from compressor.run.cache.run_cache import CachePlace
from compressor.run.cache.store import Cache
from compressor.search import trial_job, trials
from compressor.search.executor import InProcess
from compressor.search.optuna_study import SearchError
from compressor.search.search_folder import claimed_search, places_of
from compressor.search.trial_job import TrialResult
from compressor.search.trial_record import Front, TrialRecord, front_of
from compressor.search.trials import Budget, Search
from compressor.search.tried_recipe import Outcome, StartError

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

    def run_trial(plan, goals, folder, cache, observer, rehearse, keep_model):
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
    monkeypatch.setattr(trial_job, "run_trial", run_trial)
    return tried


@pytest.fixture
def search(registry, tmp_path):
    def begin(sampler="grid", text=TEXT, seed=0):
        (tmp_path / "s").mkdir(exist_ok=True)
        opened = open_recipe(RecipeText("r", text), (), registry)
        executor = InProcess(registry, Cache(tmp_path / "cache"), Observer())
        return Search(
            opened, registry, tmp_path / "s", CachePlace(tmp_path / "cache"), executor, sampler=sampler, seed=seed
        )

    return begin


class Told:
    """Keeps which trials began, and the records of those that are over."""

    def __init__(self):
        self.begun, self.records = [], []

    def began(self, number, steps):
        self.begun.append(number)

    def finished(self, record, folder):
        self.records.append(record)


def run(search, **budget):
    told = Told()
    return search.run(Budget(**budget), told), told.records


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


def test_a_choice_that_is_no_valid_recipe_is_one_failed_trial(search, tried, monkeypatch):
    one = search()
    plan_of = one.plan_of

    def refusing(assignment):
        if assignment["steps.ptq.with.precision"] == "dynamic":
            raise CompressorError("r:5:1: it does not fit", "choose another")
        return plan_of(assignment)

    monkeypatch.setattr(one, "plan_of", refusing)
    records, told = run(one, trials=3)
    assert [record.reason for record in records] == ["", "r:5:1: it does not fit; choose another", ""]
    assert told == records


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


UNFIT = "the data has no labels; give some"


def test_data_that_no_trial_could_use_ends_the_search_at_the_first_one(search, tried):
    tried.results = dict.fromkeys(tried.results, StartError(*UNFIT.split("; ")))
    with pytest.raises(DataError) as caught:
        run(search(), trials=6)
    assert (str(caught.value), caught.value.exit_code, len(tried)) == (UNFIT, 1, 1)


def test_data_that_only_some_trials_cannot_use_is_their_failure(search, tried):
    tried.results = dict.fromkeys(tried.results, StartError(*UNFIT.split("; ")))
    text = TEXT.replace("{epochs: 1}}\ndata", "{epochs: {search: [1, 2]}}}\ndata")
    with pytest.raises(StepError):
        run(search(text=text), trials=2)
    assert len(tried) == 2


def test_data_that_an_earlier_trial_could_use_is_one_failure(search, tried):
    tried.results = {**tried.results, "dynamic": StartError(*UNFIT.split("; "))}
    records, _ = run(search(), trials=6)
    assert [record.reason for record in records if record.state == "failed"] == [UNFIT, UNFIT]


def test_minutes_end_a_search(search, tried, monkeypatch):
    clock = iter(range(0, 100_000, 20))
    monkeypatch.setattr(trials.time, "monotonic", lambda: float(next(clock)))
    records, _ = run(search(), minutes=1.5)
    assert 1 <= len(records) < 6


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random"])
def test_every_recipe_of_a_small_space_is_tried_and_repeats_do_not_count_as_trials(search, tried, sampler):
    records, _ = run(search(sampler), trials=6)
    assert len(set(tried)) == len(tried) == 6
    repeats = [bool(record.repeats) for record in records]
    assert not any(one and other for one, other in pairwise(repeats))  # after one, something that was not tried
    assert len(records) - sum(repeats) == 6


def test_a_search_ends_when_trial_after_trial_fails_for_the_same_reason(search, tried):
    tried.results = dict.fromkeys(tried.results, StepError("the data does not fit", "take other data"))
    text = TEXT.replace("with: {epochs: 1}", "with: {epochs: {search: {low: 1, high: 9}}}")
    with pytest.raises(StepError) as caught:
        run(search("random", text), minutes=5)
    assert str(caught.value).startswith(
        "the first 10 trials all failed for the same reason: the data does not fit; take"
    )
    assert len(tried) == 10


@pytest.mark.parametrize("text", ["[]", '"x"', '{"workers": "x"}', "{"])
def test_settings_that_are_damaged_are_not_gone_on_with(tmp_path, text):
    (tmp_path / "s").mkdir()
    (tmp_path / "s/search.json").write_text(text)
    assert places_of(tmp_path / "s") is None
    told = pytest.raises(CompressorError, match=r"the search in .* was made with|there is no search in ")
    with told, claimed_search(tmp_path / "s", "r", {"recipe": {}}, True):
        pass


def test_a_search_that_was_killed_just_when_it_made_its_folder_is_begun_again(tmp_path):
    (tmp_path / "s").mkdir()
    for name in (".running.lock", ".search.json.0123456789ab.tmp"):
        (tmp_path / "s" / name).touch()
    with claimed_search(tmp_path / "s", "r", {"recipe": {}}, False) as folder:
        assert sorted(path.name for path in folder.iterdir()) == [".running.lock", "search.json"]


def test_a_search_goes_on_only_with_the_same_settings_and_in_a_folder_of_its_own(tmp_path):
    settings = {"recipe": {"a": [1]}, "seed": 0}
    with claimed_search(tmp_path / "s", "r", settings, False) as folder:
        for resume in (True, False):
            with pytest.raises(OutputError) as caught, claimed_search(folder, "r", settings, resume):
                pass
            used = f"another search is using the folder {folder}; wait until it ends, or name another one"
            assert str(caught.value) == used
    with claimed_search(tmp_path / "s", "r", settings, True):
        pass
    for other, named in (
        ({"seed": 1}, "seed 0, not 1"),
        ({"seed": 1, "recipe": {}}, "another recipe and seed 0, not 1"),
    ):
        with pytest.raises(SearchError) as caught, claimed_search(tmp_path / "s", "r", settings | other, True):
            pass
        assert str(caught.value) == (
            f"the search in {tmp_path / 's'} was made with {named}; "
            "begin a new one by leaving out --resume, or change it back"
        )
    with pytest.raises(OutputError) as caught, claimed_search(tmp_path / "s", "r", settings, False):
        pass
    assert str(caught.value) == (
        f"the folder {tmp_path / 's'} is not empty; to go on with a search, write --resume {tmp_path / 's'}"
    )


OPEN = TEXT.replace(
    "[int8, dynamic, float16]}", "[int8, dynamic, float16]}, calibration_samples: {search: {low: 5, high: 90}}"
)

HELD = OPEN.replace("prune, optional: true, with: {epochs: 1}", "prune, with: {epochs: 20, power: {search: [1, 2, 3]}}")


class Shuffled:
    """An executor with several places, which ends trials in an order of its own."""

    def __init__(self, places, order, cut_after=None):
        self.places, self.order, self.left = places, order, cut_after
        self.jobs, self.most, self.folders, self.rehearsed = [], 0, [], []

    @property
    def is_free(self):
        return len(self.jobs) < self.places

    def submit(self, job):
        self.jobs.append(job)
        self.most = max(self.most, len(self.jobs))
        self.folders.append(job.folder)
        self.rehearsed += [job.steps] if job.rehearse else []

    def wait(self, seconds=None):
        if self.left == 0:
            raise KeyboardInterrupt
        self.left = None if self.left is None else self.left - 1
        job = self.jobs.pop(self.order(len(self.jobs)))
        size = sum(map(ord, job.recipe)) % 97
        return TrialResult(job.number, (float(size),), {"max_size": max(0.0, size - 90)}, seconds=1.0)

    def stop(self):
        numbers, self.jobs = [job.number for job in self.jobs], []
        return numbers


@pytest.fixture
def shuffled_search(registry, tmp_path):
    """A function that runs a search of its own in a folder of that name, and returns its trials and its executor."""

    def make(name, executor, count=14, first=(), text=OPEN, how=None, **budget):
        (tmp_path / name).mkdir(exist_ok=True)
        opened = open_recipe(RecipeText("r", text), (), registry)
        search = Search(
            opened,
            registry,
            tmp_path / name,
            CachePlace(tmp_path / "cache"),
            executor,
            seed=1,
            first=first,
            **how or {},
        )
        told = Told()
        records = search.run(Budget(count, **budget), told)
        told.held = search.held
        return [(one.number, one.assignment, one.values) for one in records], told

    return make


def test_what_is_tried_does_not_depend_on_which_trial_ends_first(shuffled_search):
    first_in, last_in = Shuffled(3, lambda _: 0), Shuffled(3, lambda count: count - 1)
    trials, _ = shuffled_search("a", first_in)
    assert (first_in.most, [number for number, *_ in trials]) == (3, list(range(1, 15)))
    assert shuffled_search("b", last_in)[0] == trials
    assert sorted(first_in.rehearsed) == [("prune", "ptq"), ("ptq",)]  # each order of steps once, not in each place
    assert shuffled_search("one", Shuffled(1, lambda _: 0))[0] != trials
    assert not any(Path(folder).exists() for folder in first_in.folders)


@pytest.mark.parametrize("cut_after", [0, 1, 4, 9, 12])
def test_a_search_with_several_places_that_is_cut_goes_on_as_if_it_had_not_been(shuffled_search, cut_after):
    trials, _ = shuffled_search("whole", Shuffled(2, lambda _: 0))
    with pytest.raises(KeyboardInterrupt):
        shuffled_search("cut", Shuffled(2, lambda count: count - 1, cut_after))
    rest, told = shuffled_search("cut", Shuffled(2, lambda _: 0))
    assert rest == trials
    assert len([record for record in told.records if not record.repeats]) <= 14 - cut_after


@pytest.mark.parametrize("cut_after", [0, 3, 5, 8, 11])
def test_which_early_steps_are_held_depends_neither_on_which_trial_ends_first_nor_on_a_cut(shuffled_search, cut_after):
    text = HELD.replace("[1, 2, 3]", "{low: 1.0, high: 9.0}")
    whole, told = shuffled_search("whole", Shuffled(2, lambda _: 0), text=text)
    assert shuffled_search("last", Shuffled(2, lambda count: count - 1), text=text)[0] == whole
    tried = {number: assignment for number, assignment, _ in whole}
    assert 2 <= len(told.held) <= 7
    for number, of in told.held.items():
        assert of <= number - 4  # what is known with two places
        assert tried[number]["steps.prune.with.power"] == tried[of]["steps.prune.with.power"]
    with pytest.raises(KeyboardInterrupt):
        shuffled_search("cut", Shuffled(2, lambda count: count - 1, cut_after), text=text)
    rest, again = shuffled_search("cut", Shuffled(2, lambda _: 0), text=text)
    assert (rest, again.held) == (whole, told.held)


@pytest.mark.parametrize("how", [{"draw_anew": True}, {"sampler": "random"}, {"sampler": "grid"}, {"sampler": "tpe"}])
def test_nothing_is_held_where_that_is_not_wanted_or_the_sampler_is_not_one_that_learns(shuffled_search, how):
    text = HELD.replace("low: 5, high: 90", "low: 5, high: 90, step: 5")
    _, told = shuffled_search("s", Shuffled(1, lambda _: 0), text=text, how=how)
    assert bool(told.held) == (how == {"sampler": "tpe"})


def test_more_trials_of_a_search_that_has_ended_are_those_of_a_longer_one(shuffled_search):
    whole, _ = shuffled_search("whole", Shuffled(2, lambda _: 0), count=16)
    shuffled_search("short", Shuffled(2, lambda _: 0), count=9)
    assert shuffled_search("short", Shuffled(2, lambda _: 0), count=16)[0] == whole


def test_what_is_to_be_tried_first_is_tried_first_and_not_again_where_the_search_goes_on(shuffled_search):
    wanted = [
        {"step 1": "left out", "steps.ptq.with.precision": precision, "steps.ptq.with.calibration_samples": 50}
        for precision in ("float16", "int8", "dynamic")
    ]
    with pytest.raises(KeyboardInterrupt):
        shuffled_search("s", Shuffled(1, lambda _: 0, 2), first=wanted)
    trials, _ = shuffled_search("s", Shuffled(1, lambda _: 0), first=wanted)
    assert [assignment for _, assignment, _ in trials[:3]] == wanted
    assert wanted[0] not in [assignment for _, assignment, _ in trials[3:]]


def test_a_budget_that_cuts_ends_what_runs_once_a_trial_was_measured(shuffled_search, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(trials.time, "monotonic", lambda: now[0])

    def later(_):
        now[0] += 61.0
        return 0

    executor = Shuffled(2, later)
    cut, told = shuffled_search("s", executor, minutes=1, cuts=True)
    assert (len(cut), told.begun, executor.jobs) == (1, [1, 2], [])
    assert not any(Path(folder).exists() for folder in executor.folders)


def test_the_front_grows_as_trials_come_in_and_is_that_of_all_of_them():
    goals = (Goal("size", False, lambda _: None, str), Goal("accuracy", True, lambda _: None, str))
    random = np.random.default_rng(0)
    records = [
        TrialRecord(
            number, {}, "done", tuple(map(float, random.integers(0, 20, 2))), {"a": float(random.random() < 0.2)}
        )
        for number in range(1, 301)
    ]
    front = Front(goals)
    for record in records:
        is_best = front.add(record)
        assert is_best == (record in front.records)
    able = [record for record in records if record.meets_all]
    best = [
        one for one in able
        if not any((two.values[0] <= one.values[0] and two.values[1] >= one.values[1] and two.values != one.values)
                   or (two.values == one.values and two.number < one.number) for two in able)
    ]  # fmt: skip
    assert sorted(record.number for record in front.records) == [record.number for record in best]
    shuffled = [records[index] for index in random.permutation(300)]
    assert front_of(shuffled, goals) == front.records
