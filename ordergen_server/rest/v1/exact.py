"""Bodies whose numbers keep the digits that they were sent with."""

import json
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any, NoReturn

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response


class ExactRoute(APIRoute):
    """A route that reads `0.095` as that, and not as the float beside it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of the base, on requests that are read so."""
        handle = super().get_route_handler()

        async def exact(request: Request) -> Response:
            return await handle(_ExactRequest(request.scope, request.receive))

        return exact


class _ExactRequest(Request):
    async def json(self) -> Any:  # noqa: ANN401 - as the base has it
        """What the body holds. Raises json.JSONDecodeError."""
        body = await self.body()
        try:
            parsed = json.loads(body, parse_float=Decimal, parse_constant=_refused)
        except json.JSONDecodeError:
            raise
        except (
            ArithmeticError,
            ValueError,
            RecursionError,
        ) as error:  # no text, a number of too many digits or with too large an exponent, nested too deeply
            raise json.JSONDecodeError(str(error), "", 0) from None
        self.state.body = parsed  # a rule that it breaks is answered with what broke it
        return parsed


def _refused(constant: str) -> NoReturn:
    raise json.JSONDecodeError(f"{constant} is no number", constant, 0)
