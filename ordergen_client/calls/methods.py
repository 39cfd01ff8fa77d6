"""Methods that look like the functions which describe their calls: their arguments and texts."""

import inspect
import re
from collections.abc import Callable, Iterable
from types import GenericAlias
from typing import Any, TypeVar, cast, get_args

Method = TypeVar("Method", bound=Callable[..., object])


def like(
    describe: Callable[..., object],
    method: Method,
    around: type | None = None,
    item: type | None = None,
    *,
    of: int = 0,
) -> Method:
    """Give a method the arguments and the text of the function that describes its call.

    Args:
        describe: answers a `Call[T]`, `Pages[T]` or `Stream[T]`.
        method: takes the same arguments after itself.
        around: the generic type of what the method answers, such as an iterator; None where it answers T.
        item: what stands for T; None is T itself.
        of: so many of the first arguments are those of the method's object, and not given.
    """
    described = inspect.signature(describe)
    given = list(described.parameters.values())[of:]
    (own,) = get_args(described.return_annotation)
    answered = item or own
    named = cast("Any", method)
    named.__name__ = describe.__name__
    named.__doc__ = _without(describe.__doc__ or "", list(described.parameters)[:of])
    result = GenericAlias(around, answered) if around else answered
    named.__annotations__ = {one.name: one.annotation for one in given}
    named.__annotations__["return"] = result
    named.__signature__ = described.replace(
        parameters=[
            inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY),
            *given,
        ],
        return_annotation=result,
    )
    return method


def _without(text: str, names: Iterable[str]) -> str:
    """A docstring without the lines of some arguments."""
    for name in names:
        text = re.sub(rf"^ +{name}: .*\n", "", text, flags=re.MULTILINE)
    return text
