"""Every constraint is a field with a rule, and is judged by that rule alone."""

from types import SimpleNamespace

import pytest

from compressor.recipe.constraints import Constraints, misfits, verdicts
from compressor.recipe.limits import Rule, Verdict


@pytest.mark.parametrize("key", Constraints.model_fields)
def test_every_constraint_has_one_rule_and_says_what_it_means(key):
    field = Constraints.model_fields[key]
    assert sum(isinstance(part, Rule) for part in field.metadata) == 1
    assert field.description


def stage(accuracy=0.9, **figures):
    metric = SimpleNamespace(value=accuracy, higher_is_better=True, share=True, from_baseline=None)
    return SimpleNamespace(metrics={"accuracy": metric}, **figures)


def test_a_recipe_without_constraints_has_nothing_to_judge():
    assert list(verdicts(Constraints(), stage())) == []


def test_constraints_are_judged_in_the_order_of_the_fields_whatever_the_order_in_the_recipe():
    constraints = Constraints(max_size=2_000, metric_limits={"accuracy": 0.95}, min_accuracy=0.5)
    assert list(verdicts(constraints, stage(bytes=1_000))) == [
        Verdict("min_accuracy", "50.00%", "90.00%", True),
        Verdict("metric_limits.accuracy", "95.00%", "90.00%", False),
        Verdict("max_size", "2.0 kB", "1.0 kB", True),
    ]


@pytest.mark.parametrize(("size", "met"), [(1_000, True), (999, True), (1_001, False)])
def test_a_limit_itself_is_within_the_limit(size, met):
    (verdict,) = verdicts(Constraints(max_size=1_000), stage(bytes=size))
    assert verdict.met is met


def test_the_memory_of_tensors_is_held_against_max_arena():
    (verdict,) = verdicts(Constraints(max_arena="32 kB"), stage(arena_bytes=32_160))
    assert verdict == Verdict("max_arena", "32.0 kB", "32.2 kB", False)


def test_a_figure_without_end_meets_no_limit():
    (verdict,) = verdicts(Constraints(min_sparsity=0.5), stage(sparsity=float("inf")))
    assert verdict == Verdict("min_sparsity", "50.0%", "inf%", False)


def planned(name, share):
    return SimpleNamespace(name=name, share=share)


LIMITS = Constraints(max_accuracy_drop=0.1, min_accuracy=0.5, max_size=1_000, metric_limits={"maee": 1.0})


def test_limits_on_shares_and_of_metrics_that_are_not_there_do_not_fit():
    assert list(misfits(LIMITS, [planned("mae", False)])) == [
        (
            ("max_accuracy_drop",),
            "'max_accuracy_drop' needs a metric that is a share, not 'mae'; use 'max_relative_drop'",
        ),
        (("min_accuracy",), "'min_accuracy' needs a metric that is a share, not 'mae'; use 'max_relative_drop'"),
        (("metric_limits", "maee"), "there is no metric 'maee'; did you mean 'mae'?"),
    ]


def test_nothing_is_held_against_a_metric_that_is_not_known():
    assert list(misfits(LIMITS, [None, planned("mae", False)])) == []
    assert [route for route, _ in misfits(LIMITS, [planned("mae", False), None])] == [
        ("max_accuracy_drop",),
        ("min_accuracy",),
    ]
