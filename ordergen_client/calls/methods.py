"""Methods that look like the functions which describe their calls: their arguments and texts."""

import inspect
from collections.abc import Callable
from types import GenericAlias
from typing import Any, TypeVar, cast, get_args

Method = TypeVar("Method", bound=Callable[..., object])


def like(
    describe: Callable[..., object], method: Method, around: type | None = None, item: type | None = None
) -> Method:
    """Give a method the arguments and the text of the function that describes its call.

    Args:
        describe: answers a `Call[T]`, `Pages[T]` or `Stream[T]`.
        method: takes the same arguments after itself.
        around: the generic type of what the method answers, such as an iterator; None where it answers T.
        item: what stands for T; None is T itself.
    """
    described = inspect.signature(describe)
    (own,) = get_args(described.return_annotation)
    answered = item or own
    named = cast("Any", method)
    named.__name__ = describe.__name__
    named.__doc__ = describe.__doc__
    result = GenericAlias(around, answered) if around else answered
    named.__annotations__ = {name: one.annotation for name, one in described.parameters.items()}
    named.__annotations__["return"] = result
    named.__signature__ = described.replace(
        parameters=[
            inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY),
            *described.parameters.values(),
        ],
        return_annotation=result,
    )
    return method
