"""Hostile configurations of Keras files: numbers, layers and names that ask for too much, or run code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from hostile_files import Case, Collection, rewritten, with_config

NUMBERS = (2**20, 2**31, 2**40, 2**70, 0, -1, 1.5, 1e300, "many", None, [3], True)
LAYERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Dense", {"units": 2**36}),
    ("Dense", {"units": 4, "activation": "no_such"}),
    ("Dense", {"units": 4, "kernel_initializer": "no_such"}),
    ("Dense", {"units": 4, "dtype": "string"}),
    ("Dense", {"units": 4, "dtype": "complex128"}),
    ("Dense", {"units": 4, "name": "\x1b[31mred\n| <script>\u202e"}),
    ("Dense", {"units": 4, "name": "n" * 10**6}),
    ("Dense", {"units": 4, "name": 7}),
    ("Reshape", {"target_shape": [2**40, -1]}),
    ("Reshape", {"target_shape": [-1, -1]}),
    ("RepeatVector", {"n": 2**40}),
    ("ZeroPadding2D", {"padding": [[2**30, 2**30], [2**30, 2**30]]}),
    ("UpSampling2D", {"size": [2**20, 2**20]}),
    ("Conv2D", {"filters": 4, "kernel_size": [2**20, 2**20]}),
    ("Conv2D", {"filters": 4, "kernel_size": [3, 3], "strides": [0, 0]}),
    ("Conv2D", {"filters": 4, "kernel_size": [3, 3], "dilation_rate": [2**40, 1]}),
    ("Conv2D", {"filters": 4, "kernel_size": [3, 3], "groups": 0}),
    ("Conv2DTranspose", {"filters": 2**30, "kernel_size": [64, 64]}),
    ("Embedding", {"input_dim": 2**40, "output_dim": 64}),
    ("LSTM", {"units": 2**30}),
    ("MultiHeadAttention", {"num_heads": 2**30, "key_dim": 2**10}),
    ("Lambda", {"function": ["4wAAAA==", None, None], "function_type": "lambda"}),
    ("Lambda", {"function": "system", "module": "os", "function_type": "function"}),
    ("get_file", {}),
    ("NoSuchLayer", {"units": 4}),
    ("", {}),
)


def keras_config_cases(collection: Collection) -> Iterator[Case]:
    """All of them."""
    for part in (config_cases, layer_cases):
        yield from part(collection)


def config_cases(collection: Collection) -> Iterator[Case]:
    """Configurations of Keras 2 and 3 that ask for too much, or make no sense."""

    def setting(kind: str, key: str, value: Any) -> Callable[[Any], None]:
        def change(config: Any) -> None:
            for layer in config["config"]["layers"]:
                if layer["class_name"] == kind:
                    layer["config"][key] = value

        return change

    for source in sorted({"k2.keras", "k3.keras"} & set(collection.files)):
        keras = source[:2]
        for number, value in enumerate(NUMBERS):
            yield with_config(collection, f"{keras}-units{number}", source, setting("Dense", "units", value))
            yield with_config(collection, f"{keras}-filters{number}", source, setting("Conv2D", "filters", value))
        key = "batch_input_shape" if keras == "k2" else "batch_shape"
        shapes = (
            [None, 2**31, 2**31, 1],
            [None, 2**40, 8, 1],
            [None, -5, 8, 1],
            [None, "x", 8, 1],
            [],
            None,
            [2**20, 8, 8, 1],
        )
        for number, shape in enumerate(shapes):
            yield with_config(collection, f"{keras}-shape{number}", source, setting("InputLayer", key, shape))
        nonsense: dict[str, Callable[[Any], Any]] = {
            "list": lambda config: [config],
            "null": lambda config: {},
            "text": lambda config: "a model",
            "number": lambda config: 10**400,
            "no-layers": lambda config: config["config"].pop("layers") and None,
            "no-config": lambda config: config.pop("config") and None,
            "twice": lambda config: config["config"]["layers"].append(config["config"]["layers"][1]),
            "no-nodes": lambda config: [layer.pop("inbound_nodes") for layer in config["config"]["layers"]] and None,
            "circle": lambda config: config["config"]["layers"].reverse(),
            "outputs": lambda config: config["config"].update(output_layers=[["none", 0, 0]]),
            "far-output": lambda config: config["config"].update(output_layers=[["dense", 2**40, 2**40]]),
            "class": lambda config: config.update(class_name=["Functional"]),
            "module": lambda config: config.update(module="os", class_name="system"),
            "registered": lambda config: config.update(registered_name="evil>Functional", module=None),
        }
        for name, change in nonsense.items():
            yield with_config(collection, f"{keras}-{name}", source, change)
        raw = {
            "deep": b"[" * 50_000 + b"]" * 50_000,
            "empty": b"",
            "binary": bytes(range(256)),
            "nan": b'{"config": NaN}',
            "utf16": '{"a": 1}'.encode("utf-16"),
            "digits": b"9" * 100_000,
        }
        for name, content in raw.items():
            path = collection.folder(f"{keras}-json-{name}") / "m.keras"
            rewritten(
                path, collection.files[source], lambda entry, old, new=content: new if entry == "config.json" else old
            )
            yield Case(f"{keras}-json-{name}", ["inspect", f"{keras}-json-{name}/m.keras"])


def layer_cases(collection: Collection) -> Iterator[Case]:
    """A layer at the end of a Keras 2 model that asks for too much, or runs code."""
    for number, (kind, settings) in enumerate(LAYERS):

        def change(config: Any, kind: str = kind, settings: dict[str, Any] = settings) -> None:
            layers = config["config"]["layers"]
            at = {"Conv2D": 1, "ZeroPadding2D": 1, "UpSampling2D": 1, "Conv2DTranspose": 1, "LSTM": 1}.get(
                kind, len(layers) - 1
            )
            old = layers[at]
            layers[at] = {
                **old,
                "class_name": kind,
                "config": {"name": old["config"]["name"], "trainable": True, **settings},
            }
            if kind != "Dense":
                layers[at].pop("build_config", None)

        yield with_config(collection, f"layer{number}-{kind}", "k2.keras", change)
