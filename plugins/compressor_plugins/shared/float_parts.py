"""What of a file computes in float although integers were asked for: told, or refused."""

from __future__ import annotations

from compressor import StepContext, StepError

_SHOWN = 8  # operators, by name


def tell_floats(content: bytes, context: StepContext) -> None:
    """Note the operators that compute in float in a file that computes in integers."""
    from compressor.models.litert import counted, float_operators

    if left := float_operators(content):
        context.note(f"computed in float, as asked or where LiteRT has no safe integers: {counted(left)}")


def refuse_floats(content: bytes, io: str = "float32") -> None:
    """Refuse a file of which an operator computes in float, or whose inputs and outputs have another type than asked.

    Raises:
        StepError: there are some, which it names; an `io` of float32 asks for no type.
    """
    from compressor.models.litert import counted, float_operators, signatures_of

    if left := float_operators(content):
        names = [f"{operator.name} '{operator.output}'" for operator in left[:_SHOWN]]
        more = f" and {len(left) - _SHOWN:,} more" if len(left) > _SHOWN else ""
        what = f"integer_only is asked for, and {counted(left)} would compute in float: {', '.join(names)}{more}"
        raise StepError(what, "replace these operators, or leave integer_only out")
    file = signatures_of(content)[0]
    for side, ends in (("input", file.inputs), ("output", file.outputs)):
        for end in ends:
            if io != "float32" and end.dtype.startswith("float"):
                what = f"integer_only and io {io} are asked for, and the {side} '{end.name}' would be {end.dtype}"
                raise StepError(what, "use 'io: float32', or leave integer_only out")
