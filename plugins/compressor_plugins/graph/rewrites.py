"""What a rewrite of a model is: it changes the layers and never the outputs, and says what it did."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from compressor import StepContext, StepError
from compressor_plugins.graph.layer_graph import LayerGraph, Ref, graph_layer, refs
from compressor_plugins.graph.model_reader import read

_SHOWN = 4


@dataclass(frozen=True)
class Done:
    """The layers that a rewrite changed, and those it could not, with the reason. `deed` is what to say of it."""

    deed: str
    changed: Sequence[str]
    left: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.deed}: {listed(self.changed)}"


def counted(count: int, noun: str) -> str:
    """A number of things, as in `1 pair` and `3 pairs`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


Rewrite: TypeAlias = Callable[[LayerGraph], Done]


def rewritten(model: Any, rewrites: Sequence[Rewrite]) -> tuple[Any, list[Done]]:
    """A new model with the rewrites applied in order, and what each of them did.

    Raises:
        ValueError: it is a subclassed model.
    """
    graph = read(model)
    done = [rewrite(graph) for rewrite in (in_float32, *rewrites)]
    return graph.build(), [one for one in done if one.changed or one.left]


def prepared(model: Any, rewrites: Sequence[Rewrite], context: StepContext, purpose: str) -> LayerGraph:
    """The graph of a model with the rewrites applied, which the report tells of; its outputs keep their names.

    Raises:
        StepError: it is a subclassed model.
    """
    if not getattr(model, "_is_graph_network", False):
        what = f"{purpose} needs a functional or sequential model"
        raise StepError(what, "rewrite the subclassed model, or use 'ptq' alone")
    graph = read(model)
    names = [graph.nodes[ref.node].layer for ref in refs(graph.outputs)]
    for rewrite in (in_float32, *rewrites):
        tell(rewrite(graph), context)
    for ref, name in zip(list(refs(graph.outputs)), names, strict=True):
        if name not in graph.layers:
            _name_output(graph, ref, name)
    return graph


def _name_output(graph: LayerGraph, ref: Ref, name: str) -> None:
    """Put a layer of this name that does nothing behind a tensor: losses, labels and the file know outputs by names."""
    from tf_keras.layers import Activation

    graph.insert_after(ref, graph_layer(Activation("linear", name=name)))


def tell(done: Done, context: StepContext) -> None:
    """Put into the report what a rewrite did and did not do."""
    if done.changed:
        context.note(str(done))
    for layer, reason in done.left.items():
        context.leave_alone(layer, reason)


def in_float32(graph: LayerGraph) -> Done:
    """Let layers of a mixed-precision model compute in float32; their weights are in float32 anyway."""
    changed = []
    for name, layer in graph.layers.items():
        config = _plain_policy(layer.config)
        if config != layer.config:
            graph.layers[name] = replace(layer, config=config)
            changed.append(name)
    return Done("computes in float32, no longer in mixed precision", changed)


def listed(names: Sequence[str]) -> str:
    """The names, or the first few of a long list and how many more there are."""
    if len(names) <= _SHOWN + 1:
        return ", ".join(names)
    return f"{', '.join(names[:_SHOWN])} and {len(names) - _SHOWN} more"


def _plain_policy(config: Any) -> Any:
    """A configuration without mixed precision, at any depth, since a nested model's layers have policies too."""
    if isinstance(config, dict):
        named = config.get("config")
        if isinstance(named, dict) and str(named.get("name", "")).startswith("mixed_"):
            return "float32"
        return {key: _plain_policy(value) for key, value in config.items()}
    if isinstance(config, list):
        return [_plain_policy(value) for value in config]
    return "float32" if isinstance(config, str) and config in ("mixed_float16", "mixed_bfloat16") else config
