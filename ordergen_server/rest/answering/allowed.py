"""Which methods a path has: Starlette names those of the first route alone."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import BaseRoute, Route


def headers_of(error: HTTPException, request: Request, routes: Iterable[BaseRoute]) -> Mapping[str, str]:
    """The headers of a refusal; where the method is refused, with all methods of the path.

    Args:
        error: as it was raised.
        request: that it was raised for.
        routes: where its path could lead, below what is mounted.
    """
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
        found = (one for one in routes if isinstance(one, Route) and one.path_regex.match(path))
        headers["allow"] = ", ".join(sorted({method for one in found for method in one.methods or ()}))
    return headers
