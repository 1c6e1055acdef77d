"""The gate fails for what is beyond a limit and, of metrics, beyond noise."""

import numpy as np
import pytest
from run_folders import metric, right

from compressor.comparing.compared_run import run_at
from compressor.comparing.condition import ConditionError, parse_condition
from compressor.comparing.gate import check_known, check_names, hold
from compressor.comparing.metric_changes import metric_changes

MCNEMAR = "McNemar's test on the same 10,000 samples"


def result(condition, first, other):
    parsed, runs = parse_condition(condition), [run_at(path, place) for place, path in enumerate((first, other))]
    check_names(parsed, runs)
    return hold(parsed, *runs, metric_changes(*runs))


def told(condition, *runs):
    gate = result(condition, *runs)
    return gate.failed, gate.text


def test_a_drop_beyond_the_limit_and_beyond_noise_fails(made):
    runs = made("a", right(9_820)), made("b", right(9_769))
    assert told("accuracy < -0.2pt", *runs) == (
        True,
        f"accuracy -0.51 pt to 97.69 %, beyond the limit -0.2pt, beyond noise by {MCNEMAR}, p < 0.001",
    )


def test_a_drop_beyond_the_limit_but_within_noise_passes_and_says_so(made):
    after = right(9_820)
    after[:150], after[9_820:9_940] = False, True  # 150 lost, 120 gained
    runs = made("a", right(9_820)), made("b", after)
    assert told("accuracy < -0.2pt", *runs) == (
        False,
        f"accuracy -0.30 pt to 97.90 %, beyond the limit -0.2pt but within noise by {MCNEMAR}, p = 0.077",
    )


def test_a_drop_beyond_noise_but_within_the_limit_passes(made):
    runs = made("a", right(9_820)), made("b", right(9_805))
    assert told("accuracy < -0.2pt", *runs) == (
        False,
        f"accuracy -0.15 pt to 98.05 %, within the limit -0.2pt, beyond noise by {MCNEMAR}, p < 0.001",
    )


def test_two_seeds_of_one_recipe_differ_by_chance_alone(made):
    first, other = made("a", right(9_820)), made("b", right(9_600), seed=1)
    assert told("accuracy < -0.2pt", first, other) == (
        False,
        "accuracy -2.20 pt to 96.00 %, beyond the limit -0.2pt but by chance in training, since nothing but the seed "
        f"differs ({MCNEMAR}, p < 0.001)",
    )
    assert told("accuracy < 97%", first, other)[0]
    for name, change in (("c", {"numpy": "2.2"}), ("d", {"recipe": "another"}), ("e", {"lock": False})):
        assert told("accuracy < -0.2pt", first, made(name, right(9_600), seed=1, **change))[0]


def test_what_demands_a_gain_is_not_met_by_noise(made):
    after = right(9_820)
    after[:100], after[9_820:9_940] = False, True  # 100 lost, 120 gained
    first, other = made("a", right(9_820)), made("b", after)
    assert told("accuracy < +0.5pt", first, other) == (
        True,
        f"accuracy +0.20 pt to 98.40 %, beyond the limit +0.5pt, within noise by {MCNEMAR}, p = 0.2",
    )
    assert told("accuracy < +0.5pt", first, made("c", right(9_820))) == (
        True,
        "accuracy +0.00 pt to 98.20 %, beyond the limit +0.5pt",
    )
    assert not told("accuracy < +0.5pt", first, made("d", right(9_880)))[0]
    assert told("accuracy < +0.5pt", first, made("e", right(9_840), seed=1))[0]


@pytest.mark.parametrize("condition", ["accuracy < -0.2pt", "accuracy < -1%", "accuracy > +50pt", "accuracy < 1%"])
def test_a_metric_that_is_not_a_number_is_beyond_any_limit(made, condition):
    broken = metric(value=float("nan"), low=0.0, high=1.0)
    runs = made("a", right(9_820)), made("b", right(9_820), metrics={"accuracy": broken})
    assert told(condition, *runs) == (True, f"accuracy is not a number, beyond the limit {condition.split()[-1]}")
    failed, text = told(condition, *reversed(runs))
    if condition == "accuracy < 1%":
        assert not failed
    else:
        limit = condition.split()[-1]
        assert (failed, text) == (True, f"accuracy is not a number in the first run, beyond the limit {limit}")


def test_infinite_metrics_are_held_against_limits_and_no_test_is_made_up(made):
    def psnr(name, value):
        row = metric(value=value, share=False, low=value, high=value)
        return made(name, right(9_820), metrics={"psnr": row})

    first, same, other = psnr("a", float("inf")), psnr("b", float("inf")), psnr("c", 40.0)
    assert told("psnr < -1", first, same) == (False, "psnr +0 to inf, within the limit -1")
    assert told("psnr < -1", first, other) == (True, "psnr -inf to 40, beyond the limit -1, beyond noise by no test")
    assert told("psnr < -1", other, first) == (False, "psnr +inf to inf, within the limit -1, beyond noise by no test")


def test_without_scores_of_each_sample_the_intervals_decide_and_it_says_why(made, tmp_path):
    runs = made("a", right(9_820)), made("b", right(9_790), scores=False)
    failed, text = told("accuracy < -0.2pt", *runs)
    assert not failed
    assert text == (
        "accuracy -0.30 pt to 97.90 %, beyond the limit -0.2pt but within noise by the 95 % intervals, p = 0.13 "
        f"(not sample by sample: there is no {tmp_path / 'b' / 'scores.npz'})"
    )
    (tmp_path / "a" / "scores.npz").unlink()
    assert result("accuracy < -0.2pt", runs[0], made("c", right(9_700))).failed


def test_other_test_samples_are_not_paired(made):
    runs = made("a", right(9_820)), made("b", right(9_790), test="c" * 64)
    failed, text = told("accuracy < -0.2pt", *runs)
    assert not failed
    assert text.endswith("p = 0.13 (not sample by sample: the test samples are others)")


@pytest.mark.parametrize(
    ("condition", "failed", "text"),
    [
        ("size > +2%", True, "size +3.00 % to 103.0 kB, beyond the limit +2%"),
        ("size > +3%", False, "size +3.00 % to 103.0 kB, within the limit +3%"),
        ("size >= +3%", True, "size +3.00 % to 103.0 kB, beyond the limit +3%"),
        ("size > +3kB", False, "size +3.0 kB to 103.0 kB, within the limit +3kB"),
        ("size > 100 kB", True, "size 103.0 kB, beyond the limit 100kB"),
        ("gzip_size > +0B", False, "gzip_size -100 B to 900 B, within the limit +0B"),
        ("packed_size > 100 kB", True, "packed_size 103.0 kB, beyond the limit 100kB"),
        ("unpacked_size > +0%", False, "unpacked_size +0.00 % to 200.0 kB, within the limit +0%"),
        ("sparsity < -5pt", True, "sparsity -10.00 pt to 70.00 %, beyond the limit -5pt"),
        ("sparsity < 70%", False, "sparsity 70.00 %, within the limit 70%"),
        ("latency > +10%", True, "latency +100.00 % to 80 µs, beyond the limit +10%"),
        ("latency > 0.1 ms", False, "latency 80 µs, within the limit 0.1ms"),
        ("float_operators > 0", True, "float_operators 3, beyond the limit 0"),
        ("float_operators > +10%", True, "float_operators +3 from nothing to 3, beyond the limit +10%"),
        ("parameters > +0", False, "parameters +0 to 1,000, within the limit +0"),
        ("size > +2% and latency > +200%", False,
         "size +3.00 % to 103.0 kB, beyond the limit +2%; latency +100.00 % to 80 µs, within the limit +200%"),
        ("size > +2% or latency > +200%", True, "size +3.00 % to 103.0 kB, beyond the limit +2%"),
    ],
)  # fmt: skip
def test_every_figure_is_held_against_its_limit(made, condition, failed, text):
    rows = right(9_820)
    before = {"bytes": 100_000, "gzip_bytes": 1_000, "unpacked_bytes": 200_000, "sparsity": 0.8, "latency_p50": 40e-6}
    after = {"bytes": 103_000, "gzip_bytes": 900, "unpacked_bytes": 200_000, "sparsity": 0.7, "latency_p50": 80e-6}
    runs = made("a", rows, **before, parameters=1_000), made("b", rows, **after, parameters=1_000, float_operators=3)
    assert told(condition, *runs) == (failed, text)


def test_a_limit_of_the_value_itself_says_whether_it_is_within_the_interval(made):
    runs = made("a", right(9_820)), made("b", right(9_790))
    assert told("accuracy < 98%", *runs) == (
        True,
        "accuracy 97.90 %, beyond the limit 98%, and 98% is within its 95 % interval, 97.60 % to 98.16 %",
    )
    assert told("accuracy < 0.9", *runs)[0] is False


def test_a_metric_that_is_no_share_is_tested_by_the_bootstrap(made):
    draw = np.random.default_rng(0).normal(0.30, 0.01, 500)

    def rmse(value):
        return {"rmse": metric(value=value, low=value - 0.02, high=value + 0.02, share=False, higher_is_better=False)}

    runs = [
        made(name, right(90, 100), kept={"rmse": draw + shift}, metrics=rmse(0.30 + shift))
        for name, shift in (("a", 0.0), ("b", 0.05))
    ]
    failed, text = told("rmse > +0.01", *runs)
    assert failed
    assert text == (
        "rmse +0.05 to 0.35, beyond the limit +0.01, beyond noise by a paired bootstrap on the same 100 samples, "
        "p = 0.002"
    )
    assert told("rmse > +20%", *runs)[0] is False
    assert told("rmse > 0.34", *runs)[0] is True
    other = made("c", right(90, 100), kept={"rmse": draw[:200] + 0.05}, metrics=rmse(0.35))
    assert told("rmse > +0.01", runs[0], other)[1].endswith(
        "beyond noise by the 95 % intervals, p < 0.001 (not sample by sample: their scores were resampled by different "
        "versions)"
    )


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("acuracy < -1pt", "there is no figure 'acuracy'; did you mean 'accuracy'?\n    acuracy < -1pt\n    ^^^^^^^"),
        ("kernels > 1",
         "there is no figure 'kernels'; known: accuracy, float_operators, gzip_size, latency, latency_ratio, "
         "macs, packed_size, parameters, size, sparsity, unpacked_size\n    kernels > 1\n    ^^^^^^^"),
        ("size > 5pt", "'size' is not counted in pt; write +2%, +500B or 10kB\n    size > 5pt\n           ^^^"),
        ("accuracy < 97",
         "'accuracy' is a share, which lies between 0 and 1; write -0.2pt, -1% or 97%\n"
         "    accuracy < 97\n               ^^"),
        ("sparsity < 101%",
         "'sparsity' is a share, which lies between 0 and 1; write -0.2pt, -1% or 97%\n"
         "    sparsity < 101%\n               ^^^^"),
        ("accuracy < -2",
         "'accuracy' is a share, which changes by at most 1, which is 100pt; write -0.2pt, -1% or 97%\n"
         "    accuracy < -2\n               ^^"),
        ("size < -1pt", "'size' is not counted in pt; write +2%, +500B or 10kB\n    size < -1pt\n           ^^^^"),
        ("size > 2%", "'%' needs a sign here; write a change, such as +2%\n    size > 2%\n           ^^"),
        ("accuracy < 2pt",
         "'pt' needs a sign; write a change, such as -0.2pt, or a value, such as 97%\n"
         "    accuracy < 2pt\n               ^^^"),
        ("latency > 3",
         "'latency' is not counted without a unit; write +10% or 2ms\n    latency > 3\n              ^"),
        ("float_operators > 3kB",
         "'float_operators' is not counted in kB; write +2%, +5 or 100\n"
         "    float_operators > 3kB\n                      ^^^"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_in_its_place(made, condition, message):
    runs = made("a", right(9_820)), made("b", right(9_790))
    with pytest.raises(ConditionError) as error:
        result(condition, *runs)
    assert str(error.value) == f"--fail-if: {message}"


def test_names_of_figures_are_refused_before_files_are_measured(made):
    check_known(parse_condition("mae > +1% or size > 1kB"), ["mae"])
    for metrics, more in ((["mae"], ""), ((), "; metrics of model files are measured with --data")):
        with pytest.raises(ConditionError) as error:
            check_known(parse_condition("sise > 1kB"), metrics)
        assert str(error.value) == (
            f"--fail-if: there is no figure 'sise'; did you mean 'size'?{more}\n    sise > 1kB\n    ^^^^"
        )


def test_a_figure_that_a_run_does_not_have_is_told(made, tmp_path):
    runs = made("a", right(9_820)), made("b", right(9_790))
    with pytest.raises(ConditionError) as error:
        result("packed_size > 1kB", *runs)
    place = "    packed_size > 1kB\n    ^^^^^^^^^^^"
    assert str(error.value) == (
        f"--fail-if: {tmp_path / 'a'} has no packed_size: it ships no package; name another figure\n{place}"
    )
