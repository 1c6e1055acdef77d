"""What is tried for a model, by its layers and the limits: recipes that leave it open, and what comes first."""

from dataclasses import replace

import pytest

from compressor.models.files.inputs_and_outputs import Ends
from compressor.planning.open_recipe import planned_space
from compressor.recipe.document import RecipeText
from compressor.scaffolding.compression_space import Wanted, space_for
from compressor.scaffolding.first_trials import FirstTrial, assignment_of
from compressor.scaffolding.known_model import KnownModel
from compressor.scaffolding.learning_choices import Learning
from compressor.scaffolding.new_recipe import recipe_name, space_of_model
from compressor.scaffolding.recipe_choices import UsageError
from compressor.search.compression_texts import introduction

CNN = KnownModel(
    source="mnist_cnn", format="keras", comes_trained=False, quantized=False,
    layers=(("conv", "Conv2D"), ("dense", "Dense")), kernels=20_388, others=22, trainable=20_388, simulated=1.0,
    ends=Ends({"inputs": (28, 28, 1)}, {"dense": (10,)}, endings={"dense": "softmax"}), largest=20_280,
    kinds=("Dense", "Conv2D"),
)  # fmt: skip
SHARES = Learning({"dense": ("sparse_categorical_crossentropy", "a")}, {"dense": ("accuracy", "b")})
ERRORS = Learning({"dense": ("mse", "a")}, {"dense": ("mean_absolute_error", "b")})


def opened(model=CNN, learning=SHARES, **wanted):
    """The space, and the recipe that it is, with every branch of it checked."""
    space = space_for(model, model.source, [("  source: mnist", "")], learning, Wanted(**wanted), "mine")
    return space, planned_space(RecipeText("mine", space.text))[0]


def chains(space, recipe):
    """What is tried first, each as its steps; every one of them is a recipe of the space."""
    found = []
    for trial in space.first:
        assignment = assignment_of(trial, recipe.space)
        steps = recipe.drawn(assignment).steps
        assert tuple(step.uses for step in steps) == trial.steps
        found.append(" ".join(trial.steps))
    return found


def test_for_a_package_code_length_zeros_and_clusters_are_tried_and_quantization_alone_comes_first():
    space, recipe = opened(max_packed_size="8 kB", packed_bytes=8_000, max_drop=0.005)
    assert chains(space, recipe) == [
        "ptq slim pack", "ptq slim pack", *2 * ["entropy ptq slim pack"], "prune qat ptq slim pack", "ptq slim pack",
        "prune cluster qat ptq slim pack", "qat ptq slim pack",
    ]  # fmt: skip
    plain, cheaper = (recipe.drawn(assignment_of(trial, recipe.space)).steps[0] for trial in space.first[:2])
    assert plain.with_ == {"precision": "int8"}
    assert cheaper.with_ == {"precision": "int8", "rate_weight": 0.03}
    for trial, size in zip(space.first[2:4], (8_000, 5_600), strict=True):
        coded = recipe.drawn(assignment_of(trial, recipe.space)).steps[0]
        assert coded.with_ == {"max_size": size, "learning_rate": 4e-3, "decay": "cosine", "epochs": 12}
    assert space.first[4].values["final_sparsity"] == 0.8  # by estimate, enough for 8 kB
    assert recipe.space.structures == 16
    plain = recipe.space.tree.plain()
    assert plain["constraints"] == {"max_accuracy_drop": 0.005, "max_packed_size": "8 kB"}
    assert plain["objectives"] == [{"minimize": "packed_size"}, {"maximize": "accuracy"}]
    assert plain["model"] == {"source": "mnist_cnn", "train": {"epochs": 10}}
    drawn = recipe.drawn(assignment_of(space.first[7], recipe.space))
    assert [step.with_.get("weights", step.with_.get("precision")) for step in drawn.steps[:2]] == ["int4", "int4"]


def test_for_the_file_itself_channels_are_removed_and_a_note_says_where_zeros_would_count():
    space, recipe = opened(max_size="10 kB", max_arena="64 kB", max_latency_ratio=0.5)
    assert chains(space, recipe) == [
        "ptq slim", "prune_channels qat ptq slim", "ptq slim", "qat ptq slim", "prune_channels qat ptq slim",
    ]  # fmt: skip
    plain = recipe.space.tree.plain()
    assert plain["constraints"] == {
        "max_accuracy_drop": 0.01, "max_size": "10 kB", "max_arena": "64 kB", "max_latency_ratio": 0.5,
    }  # fmt: skip
    assert plain["objectives"][0] == {"minimize": "size"}
    assert space.notes == ("zeros and clusters make packages smaller, not this file; --max-packed-size has them tried",)


@pytest.mark.parametrize(("wanted", "drops"), [({}, (0.01, "5%", 0.01)), ({"max_drop": 0.03}, (0.03, "3%", 0.03))])
def test_the_drop_of_every_output_is_limited(wanted, drops):
    ends = Ends(CNN.ends.inputs, {"a": (10,), "b": (1,), "c": (1,)}, endings={"a": "softmax", "c": "sigmoid"})
    losses = {"a": ("sparse_categorical_crossentropy", ""), "b": ("mse", ""), "c": ("binary_crossentropy", "")}
    metrics = {"a": ("accuracy", ""), "b": ("mean_absolute_error", ""), "c": ("accuracy", "")}
    space, recipe = opened(replace(CNN, ends=ends), Learning(losses, metrics), **wanted)
    first, of_b, of_c = drops
    assert recipe.space.tree.plain()["constraints"] == {
        "max_accuracy_drop": first, "metric_drops": {"mean_absolute_error of b": of_b, "accuracy of c": of_c},
    }  # fmt: skip
    told = list(introduction(CNN, Learning(losses, metrics), space, recipe, 1))
    drops = f"metric_drops.mean_absolute_error of b: {of_b}, metric_drops.accuracy of c: {of_c}"
    assert f" limits: max_accuracy_drop: {first}, {drops}" in told


def test_a_metric_that_is_no_share_is_made_small_and_its_rise_is_limited():
    space, recipe = opened(learning=ERRORS, target="cortex-m4-256k", integers_only=True)
    plain = recipe.space.tree.plain()
    assert plain["constraints"] == {"max_relative_drop": 0.05}
    assert plain["objectives"] == [{"minimize": "size"}, {"minimize": "mean_absolute_error"}]
    assert plain["target"] == "cortex-m4-256k"
    assert "int4" not in space.text and "dynamic" not in space.text
    assert chains(space, recipe) == ["ptq slim", "prune_channels qat ptq slim", "qat ptq slim"]


@pytest.mark.parametrize(
    ("changes", "steps", "note"),
    [
        ({"kinds": ("LSTM",), "layers": (("lstm", "LSTM"),), "simulated": 0.2, "unsimulated": ("LSTM",)},
         ["ptq slim pack", "ptq slim pack", *2 * ["entropy ptq slim pack"], "prune ptq slim pack", "ptq slim pack",
          "prune cluster ptq slim pack"],
         "no qat: it cannot simulate int8 within LSTM, where most weights are"),
        ({"trainable": 0}, ["ptq slim pack", "ptq slim pack", "ptq slim pack"],
         "no step trains, since all layers with kernels are frozen"),
    ],
)  # fmt: skip
def test_what_a_model_cannot_take_is_not_tried_and_said(changes, steps, note):
    space, recipe = opened(replace(CNN, **changes), max_packed_size="8 kB", packed_bytes=8_000)
    assert chains(space, recipe) == steps
    assert space.notes == (note,)


def test_a_large_model_is_not_made_to_wait_for_weights_that_are_cheap():
    space, _ = opened(replace(CNN, kernels=500_001), max_packed_size="90 kB", packed_bytes=90_000)
    assert "rate_weight" not in space.text


def test_activations_that_are_quantized_as_it_runs_are_not_tried_where_no_kernel_is_large_enough():
    for largest, is_tried in ((1_023, False), (1_024, True), (0, True)):
        assert ("dynamic" in opened(replace(CNN, largest=largest))[0].text) == is_tried


def test_attention_begins_with_ranges_found_as_it_runs_and_spares_embeddings():
    attention = replace(
        CNN, layers=(("e", "Embedding"), ("a", "MultiHeadAttention")), kinds=("Embedding", "MultiHeadAttention")
    )
    space, recipe = opened(attention, max_packed_size="8 kB", packed_bytes=8_000)
    assert space.first[0] == FirstTrial(("ptq", "slim", "pack"), {"precision": "dynamic"})
    pruning = recipe.space.tree.plain()["steps"][0]["one_of"][1]
    assert pruning["with"]["except"] == ["type:Embedding"]
    space, recipe = opened(attention, max_size="8 kB")
    assert "prune_channels" not in space.text


def test_a_device_that_is_not_there_is_refused_before_the_model_is_looked_at():
    with pytest.raises(UsageError) as caught:
        space_of_model("missing.keras", "mnist", Wanted(target="cortex-m4-256"), "mine")
    assert str(caught.value).startswith("--target: there is no device 'cortex-m4-256'; did you mean 'cortex-m4-256k'?")


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("models/my net.keras", "my-net"),
        ("mnist_cnn", "mnist_cnn"),
        ("./nets.py:build", "build"),
        ("keras_applications:MobileNet", "MobileNet"),
        ("???", "model"),
    ],
)
def test_a_recipe_is_named_after_its_model(model, expected):
    assert recipe_name(model) == expected
