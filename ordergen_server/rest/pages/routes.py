"""The document, `/docs` and `/redoc`, served by us to the last file.

Scripts and styles are those of the package fastapi-offline. What starts them is a file of ours, so that no
script stands in a page, and the policy of the pages can forbid those that do.
"""

from html import escape
from importlib import resources
from pathlib import Path

import fastapi_offline
from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from ordergen_server.rest.answering.answers import answered

#: Beside the pages, so that they find it by a path that has no prefix in it.
STATIC = "/docs-files"
_STARTS = {name: resources.files(__package__).joinpath(name).read_bytes() for name in ("docs.js", "redoc.js")}
#: Both pages write styles into themselves; ReDoc searches in a worker, whose script it carries.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="docs-files/favicon.png">
{style}
</head>
<body>
<div id="page"></div>
<script src="docs-files/{script}"></script>
<script src="{start}.js"></script>
</body>
</html>
"""
_STYLE = '<link rel="stylesheet" href="docs-files/swagger-ui.css">'


def show_in(app: FastAPI) -> None:
    """Serve the pages of an application, and its document for whoever reads it by a path with a prefix."""
    router = APIRouter(include_in_schema=False)
    title = escape(app.title)
    _page(
        router, "docs", _PAGE.format(title=title, style=_STYLE, script="swagger-ui-bundle.js", start="docs")
    )
    _page(router, "redoc", _PAGE.format(title=title, style="", script="redoc.standalone.js", start="redoc"))
    document = app.openapi()

    @router.get("/openapi.json")
    async def openapi(request: Request) -> Response:
        prefix = request.scope.get("root_path", "")
        return answered({**document, "servers": [{"url": prefix}]} if prefix else document)

    app.include_router(router)
    files = Path(fastapi_offline.__file__).parent / "static"
    app.router.routes.append(Mount(STATIC, StaticFiles(directory=files)))


def _page(router: APIRouter, name: str, page: str) -> None:
    @router.get(f"/{name}", name=name)
    async def shown() -> Response:
        return Response(page, media_type="text/html", headers={"content-security-policy": POLICY})

    @router.get(f"/{name}.js", name=f"{name}.js")
    async def started() -> Response:
        return Response(_STARTS[f"{name}.js"], media_type="text/javascript")
