"""Reports for tests of what is drawn from them: of three stages, with everything that a report may hold."""

import random

from compressor.report.report_model import FullReport

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
HOSTILE = '</script><img src=x onerror="alert(1)">\u202e&amp;\'"=1+1'
SIZES = {"baseline": (83_576, 77_118), "prune": (83_576, 19_297), "ptq": (23_336, 7_264)}
SCORES = {"baseline": 0.9824, "prune": 0.9811, "ptq": 0.9787}

DRAW = random.Random(0)


def layer(name, shape, bits, zeros=0.0):
    parameters = 1
    for size in shape:
        parameters *= size
    return {
        "name": name,
        "shape": shape,
        "dtype": f"float{bits}" if bits == 32 else f"int{bits}",
        "parameters": parameters,
        "zeros": int(parameters * zeros),
        "unique": min(parameters, 2**bits, 20_277),
        "bytes": parameters * bits // 8,
        "difference": 0.0123 if bits == 8 else None,
        "spread": {"low": -0.41, "high": 0.52, "counts": [DRAW.randrange(1, 90) for _ in range(32)]},
    }


def change(difference):
    return {
        "difference": difference, "relative": difference / SCORES["baseline"], "better": difference > 0,
        "p_value": 0.031, "within_noise": difference > -0.003,
    }  # fmt: skip


def stage(name, number, layers, classes):
    value, before = SCORES[name], list(SCORES.values())[max(0, number - 1)]
    bits = layers[0]["bytes"] * 8 // layers[0]["parameters"]
    end = {"name": "image", "shape": [1, 28, 28], "dtype": "float32", "scale": 0.0, "zero_point": 0}
    metric = {
        "value": value, "low": value - 0.0027, "high": value + 0.0025, "higher_is_better": True, "share": True,
        "keras": value if number < 2 else None, "from_baseline": change(value - SCORES["baseline"]) if number else None,
        "from_previous": change(value - before) if number else None,
    }  # fmt: skip
    epochs = [{"loss": 1 / (epoch + 1), "accuracy": 1 - 0.5 / (epoch + 1), "val_loss": 1.1 / (epoch + 1),
               "val_accuracy": 1 - 0.6 / (epoch + 1)} for epoch in range(5)]  # fmt: skip
    times = [(8 + 25 * (number == 2) + place / 3) * 1e-6 for place in range(21)]
    return {
        "id": name, "uses": "train" if name == "baseline" else name, "provider": "compressor 0.1.0", "state": "keras",
        "file": f"stages/{number}-{name}.tflite", "bytes": SIZES[name][0], "gzip_bytes": SIZES[name][1],
        "unpacked_bytes": None, "parameters": sum(row["parameters"] for row in layers),
        "sparsity": 0.8157 * (number > 0),
        "unique": layers[0]["unique"], "weight_bits": float(bits), "float_operators": 5 if number < 2 else 0,
        "metrics": {"accuracy": metric}, "latency_p50": times[10], "latency_p90": times[18],
        "latency_percentiles": times, "inputs": [end],
        "outputs": [{**end, "name": "dense", "shape": [1, 10], "dtype": "int8", "scale": 0.0039, "zero_point": -128}],
        "agreement": {"largest": 0.0039, "same_class": 0.9991, "signal_to_noise": 59.9, "least": 22.1},
        "seconds": 83.2, "measure_seconds": 1.9, "cached": number == 1, "notes": ["2 of 12 epochs"] if number else [],
        "left_alone": {"conv": "it is excepted"} if number == 1 else {}, "teacher": "", "layers": layers,
        "classes": classes, "curves": [epochs] if number < 2 else [],
    }  # fmt: skip


def made_report(**changes):
    """The report, with some of it changed."""
    sizes = {"conv/Conv2D": [12, 3, 3, 1], "dense/MatMul": [10, 2028], "dense/BiasAdd": [10]}
    layers = [[layer(name, shape, bits, zeros) for name, shape in sizes.items()] for bits, zeros in
              ((32, 0.0), (32, 0.82), (8, 0.82))]  # fmt: skip
    rights = [[98 - (number == 3) - loss * (number % 3 == 0) for number in range(10)] for loss in (0, 1, 2)]
    classes = [[{"samples": 100, "right": right, "chosen": 100} for right in row] for row in rights]
    matrices = [[[right if column == row else 100 - right if column == (row + 1) % 10 else 0 for column in range(10)]
                 for row, right in enumerate(right_ones)] for right_ones in (rights[0], rights[2])]  # fmt: skip
    flip = {
        "place": 1234, "label": 3, "before": {"chosen": 3, "certainty": 0.871, "of_label": 0.871},
        "after": {"chosen": 5, "certainty": 0.6543, "of_label": 0.3123}, "picture": PIXEL, "values": [],
    }  # fmt: skip
    data = {
        "schema_version": 1, "recipe": "made", "description": "Prune, then quantize to int8.",
        "created": "2026-11-29T15:42:18+00:00", "seed": 0, "smoke": False, "model": "mnist_cnn", "data": "mnist",
        "samples": {"train": 54_000, "validation": 6_000, "test": 1_000},
        "expects": [{"name": "", "dtype": "uint8", "shape": [28, 28], "steps": ["times 1/255"], "fed_shape": [28, 28],
                     "low": 0.0, "high": 1.0}],
        "runs_code": [], "stages": [stage(name, number, layers[number], classes[number])
                                    for number, name in enumerate(SIZES)],
        "constraints": [
            {"name": "max_accuracy_drop", "limit": "0.50 pt", "actual": "0.37 pt", "met": True, "number": 0.005},
            {"name": "max_size", "limit": "24.0 kB", "actual": "23.3 kB", "met": True, "number": 24_000},
            {"name": "max_gzip_size", "limit": "7.0 kB", "actual": "7.3 kB", "met": False, "number": 7_000},
        ],
        "seconds": 206.2, "versions": {"python": "3.11.7", "compressor": "0.1.0"}, "machine": "Linux x86_64",
        "threads": 2, "environment": {"instructions": "x86_64 avx2"}, "resolved_recipe": "version: 1\nname: made\n",
        "fingerprints": {"model": "d7" * 32}, "code": {"compressor": "19" * 32}, "files": {"model.tflite": "1f" * 32},
        "class_names": [], "confusion": {"before": matrices[0], "after": matrices[1]},
        "flips": {"lost": 21, "gained": 1, "shown": [flip, {**flip, "picture": "", "values": [0.5, 1.25]}]},
    }  # fmt: skip
    return FullReport.model_validate(data | changes)


def hostile_report():
    """The report with names, reasons and texts that would be markup, and controls, if they were not escaped."""
    made = made_report().model_dump(mode="json")

    def spoiled(values, names):
        return {key: HOSTILE if key in names else value for key, value in values.items()}

    stages = []
    for row in made["stages"]:
        row = spoiled(row, {"uses", "provider", "state", "teacher"}) | {"id": f"{row['id']} {HOSTILE}"}
        row["metrics"] = {HOSTILE: row["metrics"]["accuracy"]}
        row["notes"], row["left_alone"] = [HOSTILE], {HOSTILE: HOSTILE}
        row["layers"] = [spoiled(tensor, {"name", "dtype"}) for tensor in row["layers"]]
        row["inputs"], row["outputs"] = ([spoiled(end, {"name", "dtype"}) for end in row[side]] for side in
                                         ("inputs", "outputs"))  # fmt: skip
        row["curves"] = [[{HOSTILE: 1.0, f"val_{HOSTILE}": 2.0}] * 2]
        stages.append(row)
    texts = {"recipe", "description", "model", "data", "created", "machine", "resolved_recipe"}
    keyed = {name: {HOSTILE: HOSTILE} for name in ("versions", "environment", "fingerprints", "code", "files")}
    return made_report(
        **dict.fromkeys(texts, HOSTILE) | keyed,
        stages=stages,
        class_names=[HOSTILE] * 10,
        runs_code=[HOSTILE],
        constraints=[spoiled(row, {"name", "limit", "actual"}) for row in made["constraints"]],
    )


def timed_report(ratio=(2.5, 2.4, 2.6), **changes):
    """The report of a run that timed its stages in turn; `ratio` is that of the last one, with its interval."""
    made = made_report().model_dump(mode="json")
    for number, row in enumerate(made["stages"]):
        own = (ratio if number == 2 else (1.0, 0.99, 1.01)) if number else (1.0, 1.0, 1.0)
        row |= dict(zip(("latency_ratio", "latency_ratio_low", "latency_ratio_high"), own, strict=True))
        row |= {"latency_median": 8e-6 * own[0], "latency_low": 8e-6 * own[1], "latency_high": 8e-6 * own[2]}
        row |= {"latency_rounds": 41, "latency_threads": 1, "operator_times": OPERATORS[number == 2]}
        row["layers"][0]["seconds"] = (3.5e-6, 3.5e-6, 12e-6)[number]
    return made_report(stages=made["stages"], timed_on="Processor 1", **changes)


def operator(name, output, types, arithmetic, weights, kernels, seconds):
    return {"operator": name, "output": output, "computes_in": types, "arithmetic": arithmetic, "weights": weights,
            "kernels": kernels, "seconds": seconds}  # fmt: skip


OPERATORS = (
    [operator("CONV_2D", "relu", "float32", "float", "conv/Conv2D", "XNNPACK", 3.5e-6),
     operator("FULLY_CONNECTED", "dense", "float32", "float", "dense/MatMul", "XNNPACK", 3.0e-6)],
    [operator("QUANTIZE", "in", "float32 to int16", "neither", "", "LiteRT", 2.1e-6),
     operator("CONV_2D", "relu", "int16", "integer", "conv/Conv2D", "LiteRT", 12e-6),
     operator("SPLIT", "parts", "int16", "integer", "", "", None),
     operator("FULLY_CONNECTED", "dense", "int16", "integer", "dense/MatMul", "LiteRT", 1e-6)],
)  # fmt: skip
