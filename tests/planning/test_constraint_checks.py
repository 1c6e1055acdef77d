"""Constraints that the recipe's steps and metrics do not fit are told in their place, before anything is run."""

import pytest

from compressor.planning import planner
from compressor.recipe.problems import RecipeError

HEAD = "version: 1\nmodel: {source: mnist_cnn, train: {epochs: 1}}\ndata: {source: mnist}\n"
STEPS = "steps: [{uses: prune}, {uses: ptq, id: quantize}, {uses: pack}]\n"


def problems(tmp_path, text):
    path = tmp_path / "recipe.yaml"
    path.write_text(HEAD + text)
    try:
        return list(planner.check(path))
    except RecipeError as error:
        return [f"{problem.origin.line}:{problem.origin.column} {problem.message}" for problem in error.problems]


def test_every_stage_may_have_limits(tmp_path):
    own = "baseline: {min_accuracy: 0.9}, prune: {max_accuracy_drop: 0.1}, pack: {max_packed_size: 2kB, max_macs: 9}"
    assert problems(tmp_path, f"{STEPS}constraints: {{max_packed_size: 3kB, stages: {{{own}}}}}\n") == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("constraints: {stages: {prun: {max_size: 1kB}}}",
         "5:24 there is no stage 'prun'; did you mean 'prune'?"),
        ("constraints: {stages: {ptq: {max_size: 1kB}}}",
         "5:24 there is no stage 'ptq'; known: baseline, pack, prune, quantize"),
        ("constraints: {stages: {quantize: {max_packed_size: 1kB}}}",
         "5:52 'max_packed_size' is for packages, and the stage 'quantize' is none; add the step 'pack', or drop it"),
        ("constraints: {stages: {prune: {max_sise: 1kB}}}", "5:32 unknown key 'max_sise'; did you mean 'max_size'?"),
        ("constraints: {stages: {prune: {max_latency_ratio: 0}}}",
         "5:51 'constraints.stages.prune.max_latency_ratio' must be above 0, but is 0"),
        ("constraints: {stages: {prune: {max_accuracy_drop: 0.1}}}\nevaluation: {metrics: [mse]}",
         "5:51 'max_accuracy_drop' needs a metric that is a share, not 'mse'; use 'max_relative_drop'"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told(tmp_path, text, problem):
    assert problems(tmp_path, f"{STEPS}{text}\n") == [problem]


@pytest.mark.parametrize(("steps", "last"), [("steps: [{uses: prune}]\n", "prune"), ("", "baseline")])
def test_a_limit_on_packages_needs_the_step_that_makes_one(tmp_path, steps, last):
    (problem,) = problems(tmp_path, f"{steps}constraints: {{max_packed_size: 3kB}}\n")
    message = f"'max_packed_size' is for packages, and the stage '{last}' is none; add the step 'pack', or drop it"
    assert problem.partition(" ")[2] == message


def test_the_limits_of_a_stage_have_no_stages_of_their_own(tmp_path):
    (problem,) = problems(tmp_path, f"{STEPS}constraints: {{stages: {{prune: {{stages: {{}}}}}}}}\n")
    assert problem.startswith("5:32 unknown key 'stages'; known: integer_only, max_accuracy_drop, ")
