"""Run in a process of its own: prints, as JSON, everything that a file of Keras 3 can name, and what it is.

A list of `[module, name, kind]`, where the kind is "layer", "class" or "function".
"""

import importlib
import inspect
import json
import os
import pkgutil

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"


def main():
    import keras
    from keras.src import api_export

    named = {}
    for path, value in api_export.REGISTERED_NAMES_TO_OBJS.items():
        module, _, name = path.rpartition(".")
        named[module, name] = value
    for found in pkgutil.walk_packages(keras.src.__path__, "keras.src."):
        if "test" in found.name or ".backend." in found.name:
            continue
        try:
            module = importlib.import_module(found.name)
        except (ImportError, AttributeError):  # a library that it needs is missing
            continue
        named |= {(found.name, name): value for name, value in vars(module).items() if callable(value)}
    print(
        json.dumps(
            [
                [module, name, kind(value, keras.Layer)]
                for (module, name), value in sorted(named.items(), key=lambda item: item[0])
            ]
        )
    )


def kind(value, layer):
    if not inspect.isclass(value):
        return "function"
    return "layer" if issubclass(value, layer) else "class"


main()
