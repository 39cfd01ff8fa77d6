"""The application: what is answered, by whom, and how what goes wrong is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from ordergen_client.connecting.channels import open_async_channel
from ordergen_client.connecting.credentials import Tls
from ordergen_server import __version__
from ordergen_server.rest import health
from ordergen_server.rest.answering.places import Places
from ordergen_server.rest.api import Stubs
from ordergen_server.rest.document import document
from ordergen_server.rest.front_door import FrontDoor
from ordergen_server.rest.metrics import HttpMetrics
from ordergen_server.rest.pages.routes import show_in
from ordergen_server.rest.settings import RestSettings
from ordergen_server.rest.v1 import models, rebalances, rebalancing, refusals, report
from ordergen_server.rest.v2 import routes

TITLE = "GlobeCo Order Generation Service"


def create_app(settings: RestSettings) -> FastAPI:
    """The routes, without what every request passes before them. Raises OSError for a file of TLS."""
    if tls := _tls_of(settings):
        tls.credentials()  # so that a file that cannot be read ends the start
    app = FastAPI(
        title=TITLE,
        version=__version__,
        lifespan=_connected,
        generate_unique_id_function=lambda route: route.name,
        openapi_url=None,  # pages have the document, as it is for who asks
        docs_url=None,
        redoc_url=None,
    )
    app.state.settings, app.state.metrics = settings, HttpMetrics()
    app.state.reports = Places(settings.maximum_reports)
    routers = health.router, models.router, rebalances.router, rebalancing.router, report.router
    for router in routers:
        app.include_router(router)
    app.router.routes.append(routes.mounted(app.state))
    app.openapi = lambda: document(app)  # type: ignore[method-assign] # as FastAPI's documentation has it
    show_in(app)
    refusals.handle_in(app, [route for router in routers for route in router.routes])
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["*"],
            expose_headers=["x-correlation-id", "retry-after"],
        )
    return app


def with_front_door(app: FastAPI) -> ASGIApp:
    """The application as it is served."""
    return FrontDoor(app, app.state.settings, app.state.metrics)


@asynccontextmanager
async def _connected(app: FastAPI) -> AsyncIterator[None]:
    """A channel to the API for as long as the application is served. Raises OSError for a file of TLS."""
    settings: RestSettings = app.state.settings
    loop, leaving = asyncio.get_running_loop(), asyncio.Event()
    app.state.leaving = leaving
    app.state.leave = lambda: loop.call_soon_threadsafe(leaving.set)
    async with open_async_channel(settings.target, _tls_of(settings)) as channel:
        app.state.stubs = Stubs(channel)
        yield


def _tls_of(settings: RestSettings) -> Tls | None:
    """How the API is reached with TLS, where it is."""
    if settings.target_ca is None:
        return None
    return Tls(settings.target_ca, settings.target_certificate, settings.target_key)
