"""`rate_weight` of `ptq` moves weights to values of fewer bits in a package, and keeps what the model computes."""

import re

import numpy as np
import pytest
from pydantic import ValidationError

from compressor.contracts.model_state import ModelState
from compressor.models.litert.conversion.converter import to_litert
from compressor.models.litert.conversion.shrinking import shrunk
from compressor.models.litert.format.flatbuffer import operator_of, read_model
from compressor.models.litert.format.operators import Operator
from compressor.models.litert.reading.contents import dissect
from compressor.models.litert.running.interpreter import LiteRTModel
from compressor.models.packing.package import pack
from compressor_plugins.ptq.cheaper_levels import Errors, cheaper, coded_bits
from compressor_plugins.ptq.input_moments import Call, InputMoments, inputs_of
from compressor_plugins.ptq.ptq import PTQ
from compressor_plugins.ptq.tied_scales import scales_of, stored_integers

KINDS = (Operator.CONV_2D, Operator.DEPTHWISE_CONV_2D, Operator.FULLY_CONNECTED)


def ptq(model, context, **params):
    return PTQ(PTQ.Params(calibration_samples=50, **params)).apply(model, context)


def kernels(content):
    """The integers and scales of each kernel, by its place in the file."""
    file = read_model(content)
    found = {}
    for place, tensor in enumerate(file.subgraphs[0].tensors):
        data = file.buffers[tensor.buffer].data
        if tensor.type == 9 and data is not None and len(data):
            found[place] = (stored_integers(file, tensor), scales_of(tensor))
    return found


def accuracy(content, digits):
    images, labels = next(digits.test.batches(500))
    return (LiteRTModel(content).run(images).argmax(1) == labels).mean()


@pytest.fixture(scope="module")
def several_kinds(tensorflow, digits):
    """A trained model with each kind of kernel that is moved, pruned in its dense layer."""
    import tf_keras
    from tf_keras import layers

    from compressor.contracts.observer import Observer
    from compressor.recipe.training_params import TrainingParams
    from compressor.training.trainer import Trainer

    tf_keras.utils.set_random_seed(0)
    model = tf_keras.Sequential(
        [
            layers.InputLayer((28, 28), name="image"),
            layers.Reshape((28, 28, 1)),
            layers.Conv2D(8, 3, strides=2, padding="same", activation="relu", name="first"),
            layers.MaxPooling2D(),
            layers.DepthwiseConv2D(3, padding="same", activation="relu", name="depthwise"),
            layers.Conv2D(12, 3, dilation_rate=2, activation="relu", name="dilated"),
            layers.Flatten(),
            layers.Dense(10, name="dense"),
        ]
    )
    trainer = Trainer("train", digits, 0, Observer(), [], smoke=False)
    trainer.fit(model, TrainingParams(epochs=6, batch_size=50), [], 0)
    dense = model.get_layer("dense")
    kernel = dense.kernel.numpy()
    dense.kernel.assign(np.where(np.abs(kernel) < np.quantile(np.abs(kernel), 0.4), 0, kernel))
    return model


@pytest.fixture
def plain(several_kinds, step_context):
    return ptq(several_kinds, step_context())


def test_packages_get_much_smaller_for_hardly_any_accuracy(several_kinds, plain, step_context, digits):
    context = step_context()
    cheap = ptq(several_kinds, context, rate_weight=0.02)
    sizes = [len(pack(shrunk(content), "model")) for content in (plain, cheap)]
    assert sizes[1] < 0.75 * sizes[0]
    assert accuracy(cheap, digits) > accuracy(plain, digits) - 0.015
    before, after = kernels(plain), kernels(cheap)
    moved = zeroed = 0
    for place, (integers, scales) in after.items():
        np.testing.assert_array_equal(scales, before[place][1])
        assert not integers[before[place][0] == 0].any()
        moved += (integers != before[place][0]).sum()
        zeroed += ((integers == 0) & (before[place][0] != 0)).sum()
    assert len(context.notes) == 1
    told = re.fullmatch(
        r"moved ([\d,]+) of ([\d,]+) weights, ([\d,]+) of them to zero, for fewer bits in a package: from about "
        r"([\d,]+) to ([\d,]+) bytes; the outputs of a layer change by (\d\.\d\d)% of their variance at the most",
        context.notes[0],
    )
    told_moved, told_all, told_zeroed, told_before, told_after = (
        int(part.replace(",", "")) for part in told.groups()[:5]
    )
    assert (told_moved, told_all, told_zeroed) == (moved, sum(v.size for v, _ in after.values()), zeroed)
    assert told_before - told_after == pytest.approx(sizes[0] - sizes[1], rel=0.3)  # less where a file is small
    assert 0 < float(told[6]) < 5
    assert ptq(several_kinds, step_context(), rate_weight=0.02) == cheap


def test_without_it_nothing_is_moved(several_kinds, plain, step_context):
    context = step_context()
    assert ptq(several_kinds, context, rate_weight=0.0) == plain
    assert context.notes == []
    assert ptq(several_kinds, context, rate_weight=1e-12) == plain
    assert context.notes == ["no weight was moved: at this 'rate_weight' no bit is worth an error"]


def test_layers_that_compute_in_float_with_int8_weights_are_moved_too(several_kinds, step_context, digits):
    plain = ptq(several_kinds, step_context(), activations="float32")
    cheap = ptq(several_kinds, step_context(), activations="float32", rate_weight=0.02)
    before, after = kernels(plain), kernels(cheap)
    assert all(
        (after[place][0] != integers).mean() > 0.2 for place, (integers, _) in before.items() if integers.size > 800
    )
    assert accuracy(cheap, digits) > accuracy(plain, digits) - 0.015


def test_kernels_that_are_not_of_int8_are_named(several_kinds, step_context):
    context = step_context()
    ptq(
        several_kinds, context, activations="dynamic", per_layer={"dense": "int4", "first": "float32"}, rate_weight=0.02
    )
    reasons = set(context.left_alone.values())
    assert "its weights were not moved: they are int4, and 'rate_weight' is for int8" in reasons
    assert "its weights were not moved: they are float32, and 'rate_weight' is for int8" in reasons


def test_clusters_get_no_value_that_they_have_not(several_kinds, step_context):
    import tf_keras

    from compressor_plugins.cluster.cluster import Cluster

    model = tf_keras.models.clone_model(several_kinds)
    model.set_weights(several_kinds.get_weights())
    kernel = model.get_layer("dense").kernel
    values = np.linspace(-0.3, 0.3, 15)
    kernel.assign(values[np.abs(kernel.numpy()[:, :, None] - values).argmin(axis=2)])
    state = Cluster(Cluster.Params()).plan(ModelState())
    plain, context = ptq(model, step_context(state)), step_context(state)
    cheap = ptq(model, context, rate_weight=0.05)
    assert context.notes
    before, after = kernels(plain), kernels(cheap)
    for place, (integers, scales) in before.items():
        rows = [(integers, after[place][0])]
        if len(scales) > 1:
            axis = integers.shape.index(len(scales)) if integers.shape[0] != len(scales) else 0
            rows = zip(np.moveaxis(integers, axis, 0), np.moveaxis(after[place][0], axis, 0), strict=True)
        for old, new in rows:
            assert set(np.unique(new)) <= set(np.unique(old))
    unique = [
        max(t.unique for t in dissect(content).kernels if t.size == kernel.numpy().size) for content in (plain, cheap)
    ]
    assert unique[1] <= unique[0] == len(np.unique(kernel.numpy()))


@pytest.mark.parametrize("precision", ["float16", "int4", "int2"])
def test_other_weights_than_int8_are_refused(precision):
    with pytest.raises(ValidationError) as error:
        PTQ.Params(precision=precision, rate_weight=0.01)
    message = f"Value error, rate_weight needs int8 weights, not {precision}"
    assert error.value.errors()[0]["msg"] == message


def test_the_inputs_of_an_operator_are_what_its_kernel_is_multiplied_with(several_kinds, digits):
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    content = to_litert(several_kinds)
    file, plain = read_model(content), OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(
        model_content=content, experimental_op_resolver_type=plain, experimental_preserve_all_tensors=True
    )
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], next(digits.test.batches(1))[0])
    interpreter.invoke()
    graph, seen, tensor = file.subgraphs[0], set(), interpreter.get_tensor
    for call in graph.operators:
        kind = operator_of(file.operatorCodes[call.opcodeIndex])
        if kind not in KINDS:
            continue
        kernel, bias = tensor(call.inputs[1]), tensor(call.inputs[2])
        of = Call.of(Operator(kind), int(call.inputs[0]), int(call.inputs[1]), kernel.shape, call.builtinOptions)
        (rows,) = inputs_of(of, tensor(call.inputs[0]).astype(np.float64))
        matrix = kernel.reshape(-1, kernel.shape[-1]).T if of.groups > 1 else kernel.reshape(len(kernel), -1)
        made = np.einsum("gpc,gc->pg", rows, matrix) if of.groups > 1 else rows[0] @ matrix.T
        made = made + bias if kind == Operator.FULLY_CONNECTED else np.maximum(made + bias, 0)
        np.testing.assert_allclose(made, tensor(call.outputs[0]).reshape(made.shape), atol=1e-4)
        seen.add(kind)
    assert seen == set(KINDS)


def random_errors(columns, rows=6):
    chance = np.random.default_rng(0)
    moments = InputMoments(1, columns)
    moments.add(np.maximum(chance.normal(size=(1, 4000, 8)) @ chance.normal(size=(8, columns)), 0))
    return Errors(np.full(rows, 1e-6), moments.mean, moments.covariances())


def test_a_higher_price_saves_more_bits_and_costs_more_error():
    chance = np.random.default_rng(1)
    levels = np.clip(np.round(chance.laplace(0, 25, (6, 300))), -127, 127).astype(np.int64)
    levels[chance.random(levels.shape) < 0.3] = 0
    errors = random_errors(300)
    found = [cheaper(levels, errors, price) for price in (1e-6, 1e-5, 1e-4)]
    assert coded_bits(levels) > found[0].bits > found[1].bits > found[2].bits
    assert 0 < found[0].error < found[1].error < found[2].error
    for choice in found:
        assert not choice.levels[levels == 0].any()
        assert choice.error == pytest.approx(errors.of(choice.levels - levels))
        assert choice.bits == coded_bits(choice.levels)


def test_it_takes_fewer_bits_than_a_coarser_grid_at_the_same_error():
    chance = np.random.default_rng(1)
    levels = np.clip(np.round(chance.laplace(0, 25, (6, 300))), -127, 127).astype(np.int64)
    errors = random_errors(300)
    coarse = np.clip(np.round(levels / 16), -7, 7).astype(np.int64) * 16
    error, bits = errors.of(coarse - levels), coded_bits(coarse)
    found = [cheaper(levels, errors, price) for price in np.geomspace(1e-6, 1e-3, 12)]
    assert min(choice.bits for choice in found if choice.error <= error) < 0.85 * bits


def test_weights_of_inputs_that_are_hardly_there_become_zero_first():
    levels = np.clip(np.round(np.random.default_rng(2).laplace(0, 25, (6, 40))), -127, 127).astype(np.int64)
    moments = InputMoments(1, 40)
    inputs = np.random.default_rng(3).normal(size=(1, 500, 40))
    inputs[:, :, ::2] *= 0.01
    moments.add(inputs)
    found = cheaper(levels, Errors(np.full(6, 1e-5), moments.mean, moments.covariances()), 1e-4).levels
    assert (found[:, ::2] != 0).mean() < 0.2
    assert (found[:, 1::2] != 0).mean() > 0.5


def test_an_error_is_made_up_for_by_others():
    levels = np.clip(np.round(np.random.default_rng(2).laplace(0, 25, (6, 300))), -127, 127).astype(np.int64)
    errors, price = random_errors(300), 1e-5
    alone = Errors(errors.scale, np.zeros_like(errors.mean), [np.eye(300)[None] * errors.weights[0] / errors.scale[0]])
    together, apart = (cheaper(levels, seen, price) for seen in (errors, alone))
    costs = [errors.of(choice.levels - levels) + price * choice.bits for choice in (together, apart)]
    assert costs[0] < 0.85 * costs[1]


def test_a_run_holds_the_file_against_as_few_bits_as_its_weights_resolve(several_kinds, digits, tmp_path, monkeypatch):
    import compressor

    monkeypatch.setenv("COMPRESSOR_CACHE", str(tmp_path / "cache"))
    several_kinds.save(tmp_path / "model.keras")
    split = {name: next(getattr(digits, name).batches(300)) for name in ("train", "test")}
    arrays = {f"{kind}_{name}": part for name, pair in split.items() for kind, part in zip("xy", pair, strict=True)}
    np.savez(tmp_path / "digits.npz", **arrays)
    steps = [{"uses": "ptq", "with": {"rate_weight": 0.06, "calibration_samples": 50}}, {"uses": "slim"}]
    sources = {"model": {"source": str(tmp_path / "model.keras")}, "data": {"source": str(tmp_path / "digits.npz")}}
    report, _ = compressor.apply({"version": 1, **sources, "steps": steps}, output=tmp_path / "out")
    for stage in report.stages[1:]:
        assert stage.agreement.least == 0.0  # of 8 bits it would be more
        assert stage.agreement.signal_to_noise < 40
