"""Metrics in a recipe: by name, as mappings, as functions, and the constraints that suit them."""

import json

import pytest

from compressor.contracts.report_rows import ChangeRow, MetricRow
from compressor.planning import planner
from compressor.recipe.constraints import Constraints
from compressor.recipe.problems import RecipeError
from compressor.report.figures import change_text, noise_text
from compressor.report.summary import constraint_rows

HEAD = "version: 1\nmodel: {source: mnist_cnn, train: {epochs: 1}}\ndata: {source: mnist}\n"


@pytest.fixture
def plan(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def make(metrics, rest=""):
        (tmp_path / "recipe.yaml").write_text(f"{HEAD}evaluation: {{metrics: {metrics}}}\n{rest}")
        return planner.prepare("recipe.yaml")

    return make


def test_names_mappings_and_functions_stand_side_by_side(plan):
    metrics = plan(
        "[accuracy, {uses: top_k_accuracy, with: {k: 3}}, {uses: mae, output: angle}, "
        "{uses: 'own:cost', higher_is_better: false, name: cost}]"
    ).metrics
    assert [(configured.name, configured.output, configured.metric.higher_is_better) for configured in metrics] == [
        ("accuracy", None, True),
        ("top_3_accuracy", None, True),
        ("mae (angle)", "angle", False),
        ("cost", None, False),
    ]


@pytest.mark.parametrize(
    ("metrics", "rest", "problem"),
    [
        (
            "[accuracy, accuracy]",
            "",
            "4:34: error: two metrics are called 'accuracy'; remove one, or give one another 'name'",
        ),
        ("[{uses: top_k_accuracy, with: {k: 0}}]", "", "4:57: error: 'k' must be 1 or more, but is 0"),
        (
            "[{uses: mae, higher_is_better: true}]",
            "",
            "4:54: error: 'higher_is_better' is for functions only, and 'mae' is a registered metric; remove it",
        ),
        ("[{uses: maee}]", "", "4:31: error: unknown metric 'maee'; did you mean 'mae'?"),
        (
            "[mae]",
            "constraints: {max_accuracy_drop: 0.1}\n",
            "5:34: error: 'max_accuracy_drop' needs a metric that is a share, not 'mae'; use 'max_relative_drop'",
        ),
        (
            "[{uses: mae, name: size error}]",
            "constraints: {metric_limits: {size eror: 0.1}}\n",
            "5:42: error: there is no metric 'size eror'; did you mean 'size error'?",
        ),
    ],
)
def test_what_is_wrong_with_a_metric_is_told_where_it_stands(plan, metrics, rest, problem):
    with pytest.raises(RecipeError) as error:
        plan(metrics, rest)
    assert str(error.value).splitlines()[0] == f"recipe.yaml:{problem}"


def row(value, base, higher_is_better):
    difference = value - base
    change = ChangeRow(
        difference=difference,
        relative=difference / abs(base) if base else None,
        better=(difference > 0) == higher_is_better,
        p_value=0.01,
        within_noise=False,
    )
    return MetricRow(
        value=value, low=value, high=value, higher_is_better=higher_is_better, share=False, keras=None,
        from_baseline=change, from_previous=change,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("value", "base", "higher_is_better", "limit", "actual", "met"),
    [
        (1.04, 1.0, False, 0.05, "4.0%", True),
        (1.06, 1.0, False, 0.05, "6.0%", False),
        (0.5, 1.0, False, 0.05, "-50.0%", True),
        (0.94, 1.0, True, 0.05, "6.0%", False),
        (-1.2, -1.0, True, 0.05, "20.0%", False),
        (0.1, 0.0, False, 0.05, "inf%", False),
    ],
)
def test_a_relative_drop_is_a_drop_whichever_way_is_better(
    smoke_run, value, base, higher_is_better, limit, actual, met
):
    last = smoke_run[0].stages[-1].model_copy(update={"metrics": {"m": row(value, base, higher_is_better)}})
    (found,) = constraint_rows(Constraints.model_validate_json(json.dumps({"max_relative_drop": limit})), [last])
    assert (found.name, found.limit, found.actual, found.met) == ("max_relative_drop", "5.0%", actual, met)


@pytest.mark.parametrize(
    ("value", "higher_is_better", "met"),
    [(0.5, False, True), (0.51, False, False), (0.5, True, True), (0.49, True, False)],
)
def test_a_limit_of_a_metric_is_its_worst_value_whichever_way_is_better(smoke_run, value, higher_is_better, met):
    metrics = {"first": row(1, 1, True), "m": row(value, 1, higher_is_better)}
    last = smoke_run[0].stages[-1].model_copy(update={"metrics": metrics})
    (found,) = constraint_rows(Constraints.model_validate_json(json.dumps({"metric_limits": {"m": 0.5}})), [last])
    assert (found.name, found.limit, found.actual, found.met) == ("metric_limits.m", "0.5", f"{value:g}", met)


def test_a_rising_error_is_shown_as_worse_with_its_sign_and_its_share():
    error = row(1.06, 1.0, higher_is_better=False)
    assert change_text(error.from_baseline, share=False) == "+0.06 (+6.0 %)"
    assert noise_text(error) == "worse"
    assert noise_text(row(1.06, 1.0, higher_is_better=True)) == "better"
