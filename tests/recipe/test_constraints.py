"""Every constraint is a field with a rule, and is judged by that rule alone."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from compressor.recipe.constraints import Constraints, misfits, verdicts
from compressor.recipe.limits import Rule
from compressor.recipe.verdicts import Verdict


@pytest.mark.parametrize("key", Constraints.model_fields)
def test_every_constraint_has_one_rule_and_says_what_it_means(key):
    field = Constraints.model_fields[key]
    assert sum(isinstance(part, Rule) for part in field.metadata) == 1
    assert field.description


def stage(accuracy=0.9, id="ptq", half=0.01, change=None, **figures):
    values = {"value": accuracy, "low": accuracy - half, "high": accuracy + half}
    metric = SimpleNamespace(**values, higher_is_better=True, share=True, from_baseline=change)
    return SimpleNamespace(id=id, metrics={"accuracy": metric}, **figures)


def change(difference, within_noise):
    return SimpleNamespace(difference=difference, relative=difference / 0.98, within_noise=within_noise)


def judged(constraints, *stages):
    """The verdicts as they are told; a test of its own holds the limits as numbers."""
    return [replace(verdict, number=None) for verdict in verdicts(constraints, stages)]


def test_a_recipe_without_constraints_has_nothing_to_judge():
    assert judged(Constraints(), stage()) == []


def test_constraints_are_judged_in_the_order_of_the_fields_whatever_the_order_in_the_recipe():
    constraints = Constraints(max_size=2_000, metric_limits={"accuracy": 0.95}, min_accuracy=0.5)
    assert judged(constraints, stage(bytes=1_000)) == [
        Verdict("min_accuracy", "50.00%", "90.00%", True),
        Verdict("metric_limits.accuracy", "95.00%", "90.00%", False, "5.00 pt", within_noise=False),
        Verdict("max_size", "2.0 kB", "1.0 kB", True),
    ]


@pytest.mark.parametrize(("size", "met"), [(1_000, True), (999, True), (1_001, False)])
def test_a_limit_itself_is_within_the_limit(size, met):
    (verdict,) = judged(Constraints(max_size=1_000), stage(bytes=size))
    assert verdict.met is met


def test_what_a_model_takes_of_flash_is_held_against_max_flash_with_the_step_that_spent_it():
    stages = (stage(id="baseline", flash_bytes=60_000), stage(id="prune", flash_bytes=66_000))
    (verdict,) = judged(Constraints(max_flash="64 KiB"), *stages)
    assert verdict == Verdict("max_flash", "65.5 kB", "66.0 kB", False, "464 B", "prune", "6.0 kB")


def test_the_memory_of_tensors_is_held_against_max_arena():
    (verdict,) = judged(Constraints(max_arena="32 kB"), stage(arena_bytes=32_160))
    assert verdict == Verdict("max_arena", "32.0 kB", "32.2 kB", False, "160 B")


def test_a_verdict_has_the_limit_as_a_number_too():
    own = {"ptq": {"metric_drops": {"accuracy": "5%"}}}
    constraints = Constraints(max_size="2 kB", min_sparsity=0.5, integer_only=True, stages=own)
    found = verdicts(constraints, [stage(bytes=1, sparsity=1, float_operators=0)])
    assert {verdict.name: verdict.number for verdict in found} == {
        "max_size": 2_000, "min_sparsity": 0.5, "integer_only": 0, "stages.ptq.metric_drops.accuracy": 0.05
    }  # fmt: skip


def test_a_figure_without_end_meets_no_limit():
    (verdict,) = judged(Constraints(min_sparsity=0.5), stage(sparsity=float("inf")))
    assert verdict == Verdict("min_sparsity", "50.0%", "inf%", False)


def test_a_figure_that_is_not_known_meets_no_limit():
    assert judged(Constraints(max_macs=5), stage(macs=None)) == [Verdict("max_macs", "5 MACs", "not known", False)]


CHAIN = [
    stage(0.98, "baseline", bytes=80_000, macs=90_000, latency_p50=40e-6, sparsity=0.0, unpacked_bytes=None),
    stage(0.979, "prune", change=change(-0.001, True), bytes=80_000, macs=90_000, latency_p50=40e-6, sparsity=0.8,
          unpacked_bytes=None),
    stage(0.971, "qat", change=change(-0.009, False), bytes=20_000, macs=90_000, latency_p50=60e-6, sparsity=0.75,
          unpacked_bytes=None),
    stage(0.972, "pack", change=change(-0.008, False), bytes=21_000, macs=90_000, latency_p50=60e-6, sparsity=0.75,
          unpacked_bytes=20_000),
]  # fmt: skip


@pytest.mark.parametrize(
    ("constraints", "verdict"),
    [
        ({"max_accuracy_drop": 0.005},
         Verdict("max_accuracy_drop", "0.50 pt", "0.80 pt", False, "0.30 pt", "qat", "0.80 pt", False)),
        ({"min_accuracy": 0.975},
         Verdict("min_accuracy", "97.50%", "97.20%", False, "0.30 pt", "qat", "0.80 pt", True)),
        ({"max_relative_drop": 0.005},
         Verdict("max_relative_drop", "0.5%", "0.8%", False, "0.3%", "qat", "0.8%", False)),
        ({"metric_limits": {"accuracy": 0.99}},
         Verdict("metric_limits.accuracy", "99.00%", "97.20%", False, "1.80 pt", "qat", "0.80 pt", False)),
        ({"metric_drops": {"accuracy": 0.002}},
         Verdict("metric_drops.accuracy", "0.20 pt", "0.80 pt", False, "0.60 pt", "qat", "0.80 pt", False)),
        ({"metric_drops": {"accuracy": "0.2 %"}},
         Verdict("metric_drops.accuracy", "0.2%", "0.8%", False, "0.6%", "qat", "0.8%", False)),
        ({"metric_drops": {"accuracy": "1%"}}, Verdict("metric_drops.accuracy", "1.0%", "0.8%", True)),
        ({"max_size": 20_500}, Verdict("max_size", "20.5 kB", "21.0 kB", False, "500 B", "pack", "1.0 kB")),
        ({"max_packed_size": 20_999},
         Verdict("max_packed_size", "21.0 kB (20,999)", "21.0 kB (21,000)", False, "1 B")),
        ({"max_macs": 80_000}, Verdict("max_macs", "80,000 MACs", "90,000 MACs", False, "10,000 MACs")),
        ({"max_latency_ratio": 1.2},
         Verdict("max_latency_ratio", "1.20x", "1.50x", False, "0.30x", "qat", "0.50x")),
        ({"min_sparsity": 0.8}, Verdict("min_sparsity", "80.0%", "75.0%", False, "5.00 pt", "qat", "5.00 pt")),
    ],
)  # fmt: skip
def test_a_miss_says_how_far_which_step_spent_it_and_whether_it_is_noise(constraints, verdict):
    assert judged(Constraints(**constraints), *CHAIN) == [verdict]


@pytest.mark.parametrize(
    ("drop", "why"),
    [
        ("5", "'5' is no drop; write an amount, such as 0.01, or a share, such as 5%"),
        ("-5%", "'-5%' is no drop; write an amount, such as 0.01, or a share, such as 5%"),
        (-0.01, "a drop must be 0 or more, but is -0.01"),
        (True, "this is no drop; write an amount, such as 0.01, or a share, such as 5%"),
        (None, "this is no drop; write an amount, such as 0.01, or a share, such as 5%"),
        (float("nan"), "this is no drop; write an amount, such as 0.01, or a share, such as 5%"),
        (float("inf"), "this is no drop; write an amount, such as 0.01, or a share, such as 5%"),
    ],
)
def test_a_drop_is_an_amount_or_a_share_in_percent(drop, why):
    with pytest.raises(ValidationError) as error:
        Constraints(metric_drops={"accuracy": drop})
    (found,) = error.value.errors()
    assert str(found["ctx"]["error"]) == why


def test_a_drop_of_an_error_is_a_rise():
    metric = {"value": 0.36, "low": 0.3, "high": 0.4, "higher_is_better": False, "share": False}
    rise = SimpleNamespace(difference=0.06, relative=0.2, within_noise=False)
    rows = [
        SimpleNamespace(
            id="baseline", metrics={"rmse": SimpleNamespace(**metric | {"value": 0.3}, from_baseline=None)}
        ),
        SimpleNamespace(id="ptq", metrics={"rmse": SimpleNamespace(**metric, from_baseline=rise)}),
    ]
    assert judged(Constraints(metric_drops={"rmse": 0.05}), *rows) == [
        Verdict("metric_drops.rmse", "0.05", "0.06", False, "0.01", "ptq", "0.06", False)
    ]
    assert judged(Constraints(metric_drops={"rmse": "20%"}), *rows) == [
        Verdict("metric_drops.rmse", "20.0%", "20.0%", True)
    ]


def errors(name, *values):
    """Stages by the values of an error."""
    rows = []
    for place, value in enumerate(values):
        rise = SimpleNamespace(difference=value - values[0], relative=None, within_noise=False) if place else None
        row = {"value": value, "low": value, "high": value, "higher_is_better": False, "share": False}
        rows.append(SimpleNamespace(id=f"{place}", metrics={name: SimpleNamespace(**row, from_baseline=rise)}))
    return rows


def test_limits_of_small_errors_are_held_and_rounding_is_no_miss():
    rows = errors("mse", 1e-10, 9e-10)
    assert judged(Constraints(metric_limits={"mse": 2e-10}), *rows) == [
        Verdict("metric_limits.mse", "2e-10", "9e-10", False, "7e-10", "1", "8e-10", False)
    ]
    assert judged(Constraints(metric_drops={"mse": 2e-10}), *rows) == [
        Verdict("metric_drops.mse", "2e-10", "8e-10", False, "6e-10", "1", "8e-10", False)
    ]
    (verdict,) = judged(Constraints(metric_drops={"mse": 0.2}), *errors("mse", 0.1, 0.1 + 0.2))
    assert verdict.met


def test_a_gain_over_nothing_is_no_drop():
    rows = errors("mse", 0.0, 0.3)
    assert judged(Constraints(max_relative_drop=0.5), *rows)[0].met is False
    gain = SimpleNamespace(difference=0.5, relative=None, within_noise=False)
    rows = [stage(0.0), stage(0.5, change=gain)]
    for limits in ({"max_relative_drop": 0.5}, {"metric_drops": {"accuracy": "5%"}}):
        assert [verdict.met for verdict in judged(Constraints(**limits), *rows)] == [True]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_metric_that_is_not_a_number_meets_no_limit(value):
    rows = [stage(0.9), stage(value, change=SimpleNamespace(difference=value, relative=value, within_noise=False))]
    limits = Constraints(min_accuracy=0.1, metric_limits={"accuracy": 0.1})
    assert [verdict.met for verdict in judged(limits, *rows)] == [False, False]


def test_a_step_may_have_limits_of_its_own():
    own = {"prune": {"max_accuracy_drop": 0.0005, "min_sparsity": 0.8}, "baseline": {"min_accuracy": 0.99}}
    assert judged(Constraints(max_size=30_000, stages=own), *CHAIN) == [
        Verdict("max_size", "30.0 kB", "21.0 kB", True),
        Verdict("stages.prune.max_accuracy_drop", "0.05 pt", "0.10 pt", False, "0.05 pt", "prune", "0.10 pt", True),
        Verdict("stages.prune.min_sparsity", "80.0%", "80.0%", True),
        Verdict("stages.baseline.min_accuracy", "99.00%", "98.00%", False, "1.00 pt", within_noise=True),
    ]


def test_a_latency_without_a_baseline_to_compare_with_meets_no_ratio():
    row = {"latency_p50": 0.0}
    found = judged(Constraints(max_latency_ratio=1), stage(**row), stage(**row))
    assert found == [Verdict("max_latency_ratio", "1.00x", "not known", False)]


def planned(name, share):
    return SimpleNamespace(name=name, share=share)


LIMITS = Constraints(
    max_accuracy_drop=0.1, min_accuracy=0.5, max_size=1_000, metric_limits={"maee": 1.0}, metric_drops={"mse": "5%"}
)


def test_limits_on_shares_and_of_metrics_that_are_not_there_do_not_fit():
    assert list(misfits(LIMITS, [planned("mae", False)])) == [
        (
            ("max_accuracy_drop",),
            "'max_accuracy_drop' needs a metric that is a share, not 'mae'; use 'max_relative_drop'",
        ),
        (("min_accuracy",), "'min_accuracy' needs a metric that is a share, not 'mae'; use 'max_relative_drop'"),
        (("metric_limits", "maee"), "there is no metric 'maee'; did you mean 'mae'?"),
        (("metric_drops", "mse"), "there is no metric 'mse'; did you mean 'mae'?"),
    ]


def test_limits_that_no_share_can_reach_do_not_fit():
    limits = Constraints(metric_limits={"accuracy": 97, "mae": 97}, metric_drops={"accuracy": 5, "mae": 5})
    assert list(misfits(limits, [planned("accuracy", True), planned("mae", False)])) == [
        (("metric_limits", "accuracy"), "'accuracy' is a share, which is at most 1, and not 97; write 0.97 for 97 %"),
        (
            ("metric_drops", "accuracy"),
            "'accuracy' is a share, which drops by at most 1, and not 5; "
            "write 0.01 for a point, or 1% for a hundredth of the baseline's value",
        ),
    ]
    fitting = Constraints(metric_limits={"accuracy": 1}, metric_drops={"accuracy": "500%"})
    assert list(misfits(fitting, [planned("accuracy", True)])) == []


def test_limits_of_a_stage_that_do_not_fit_are_told_with_their_place():
    own = Constraints(stages={"qat": {"max_accuracy_drop": 0.1}})
    ((route, message),) = misfits(own, [planned("mae", False)])
    assert route == ("stages", "qat", "max_accuracy_drop")
    assert message == "'max_accuracy_drop' needs a metric that is a share, not 'mae'; use 'max_relative_drop'"


def test_nothing_is_held_against_a_metric_that_is_not_known():
    assert list(misfits(LIMITS, [None, planned("mae", False)])) == []
    assert [route for route, _ in misfits(LIMITS, [planned("mae", False), None])] == [
        ("max_accuracy_drop",),
        ("min_accuracy",),
    ]


def test_a_ratio_of_calls_that_were_timed_in_turn_is_held_against_the_limit_with_its_interval():
    paired = [(1.0, 1.0, 1.0), (1.0, 0.98, 1.02), (1.5, 1.4, 1.6)]
    rows = [
        stage(0.98, name, latency_p50=40e-6, latency_ratio=ratio, latency_ratio_low=low, latency_ratio_high=high)
        for name, (ratio, low, high) in zip(("baseline", "prune", "qat"), paired, strict=True)
    ]
    assert judged(Constraints(max_latency_ratio=1.45), *rows) == [
        Verdict("max_latency_ratio", "1.45x", "1.50x", False, "0.05x", "qat", "0.50x", True)
    ]
    assert judged(Constraints(max_latency_ratio=1.2), *rows) == [
        Verdict("max_latency_ratio", "1.20x", "1.50x", False, "0.30x", "qat", "0.50x", False)
    ]
    assert judged(Constraints(max_latency_ratio=1.5), *rows) == [Verdict("max_latency_ratio", "1.50x", "1.50x", True)]
