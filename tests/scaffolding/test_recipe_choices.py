"""The steps of a recipe go by the layers of a model and by the size that is asked for."""

import pytest

from compressor.models.files.inputs_and_outputs import Ends
from compressor.scaffolding.known_model import KnownModel
from compressor.scaffolding.recipe_choices import UsageError, int8_bytes, limits_of, packed_bytes, steps_for

ENDS = Ends({"image": (28, 28)}, {"digit": (10,)})


def known(**changes):
    """A model like `mnist_cnn`, apart from these changes."""
    layers = (("conv", "Conv2D"), ("flatten", "Flatten"), ("dense", "Dense"))
    about = {
        "source": "m.keras", "format": "keras", "comes_trained": True, "quantized": False, "layers": layers,
        "kernels": 20_388, "others": 22, "trainable": 20_388, "simulated": 1.0, "ends": ENDS,
    }  # fmt: skip
    return KnownModel(**{**about, **changes})


def uses(model, max_bytes=None):
    return [step.uses for step in steps_for(model, max_bytes).steps]


def test_without_a_size_int8_is_all():
    assert uses(known()) == uses(known(), 25_000) == ["qat", "ptq"]


def test_below_int8_the_weights_are_pruned_as_far_as_the_size_needs():
    model = known()
    assert int8_bytes(model) == 22_726
    found = {}
    for size in (15_000, 10_000, 7_000, 5_000):
        chosen = steps_for(model, size)
        assert [step.uses for step in chosen.steps] == ["prune", "qat", "ptq", "slim", "pack"]
        found[size] = chosen.steps[0].params["final_sparsity"][0]
    assert found == {15_000: "0.5", 10_000: "0.8", 7_000: "0.85", 5_000: "0.9"}
    assert steps_for(model, 10_000).steps[0].why == (
        "int8 alone has about 22.7 kB; zeros cost next to nothing in a package"
    )


def test_what_no_share_of_zeros_reaches_is_said():
    assert steps_for(known(), 5_000).warning == ""
    assert steps_for(known(), 1_000).warning == "by estimate, the steps reach 2.8 kB, and not 1.0 kB"


def test_small_kernels_stay_and_what_is_small_depends_on_the_model():
    least = {
        kernels: steps_for(known(kernels=kernels), 2).steps[0].params["min_weights"][0] for kernels in (50, 20_388)
    }
    assert least == {50: "1", 20_388: "203"}
    assert steps_for(known(kernels=10**6), 2).steps[0].params["min_weights"][0] == "500"


def test_a_package_is_smaller_with_more_zeros():
    sizes = [packed_bytes(known(), zeros) for zeros in (0.0, 0.5, 0.8, 0.95, 1.0)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == pytest.approx(20_388 * 7 / 8, rel=0.1)


def test_training_is_left_out_where_it_could_not_simulate_most_weights():
    chosen = steps_for(known(simulated=0.3, unsimulated=("LSTM", "Embedding")), None)
    assert [step.uses for step in chosen.steps] == ["ptq"]
    assert chosen.notes == ("no `qat`: it cannot simulate int8 within LSTM, Embedding, where most weights are",)


def test_nothing_trains_where_the_layers_are_frozen():
    chosen = steps_for(known(trainable=0), 10_000)
    assert [step.uses for step in chosen.steps] == ["ptq", "slim", "pack"]
    assert chosen.notes == ("no step trains, since all layers with kernels are frozen",)
    assert chosen.warning == "by estimate, the steps reach 19.0 kB, and not 10.0 kB"


@pytest.mark.parametrize(
    ("kind", "precision"), [("Dense", "int8"), ("MultiHeadAttention", "dynamic"), ("ConvLSTM2D", "float16")]
)
def test_the_precision_goes_by_the_layers(kind, precision):
    (ptq,) = steps_for(known(layers=(("layer", kind),), simulated=0.0, largest=1_024), None).steps
    assert ptq.params["precision"][0] == precision


def test_attention_in_small_layers_is_quantized_whole_since_the_converter_takes_no_other():
    attention = known(layers=(("layer", "MultiHeadAttention"),), simulated=0.0, largest=1_023)
    assert steps_for(attention, None).steps[0].params["precision"][0] == "int8"


def test_a_file_takes_what_files_take():
    file = known(format="litert", layers=(), trainable=0, bytes=83_000)
    assert uses(file) == ["ptq"]
    assert uses(file, 10_000) == ["ptq", "slim", "pack"]
    quantized = known(format="litert", layers=(), trainable=0, quantized=True, bytes=24_000)
    assert uses(quantized) == uses(quantized, 25_000) == ["slim"]
    assert uses(quantized, 20_000) == ["slim", "pack"]


@pytest.mark.parametrize(("text", "size", "written"), [("25kB", 25_000, "25 kB"), (" 1.5 MiB", 1_572_864, "1.5 MiB")])
def test_sizes_are_read_as_recipes_read_them(text, size, written):
    limits = limits_of(text, None)
    assert (limits.max_bytes, limits.max_size) == (size, written)


@pytest.mark.parametrize(("text", "share"), [("0.5%", 0.005), ("0.005", 0.005), (".5 %", 0.005), ("0", 0), ("1", 1)])
def test_a_drop_is_a_share_with_or_without_a_sign_for_percent(text, share):
    assert limits_of(None, text).max_drop == share


@pytest.mark.parametrize("text", ["", "x", "-1%", "101%", "2", "1e-3", "0.5 pt"])
def test_what_is_no_share_is_told(text):
    with pytest.raises(UsageError) as error:
        limits_of(None, text)
    assert str(error.value) == f"--max-drop: '{text}' is no share from 0 to 1; write 0.5%, or 0.005"
    assert error.value.exit_code == 2
