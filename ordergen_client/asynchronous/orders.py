"""What is done with the portfolios and orders of a run, from their review to what became of them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar

from ordergen_client.asynchronous.connection import AsyncConnection
from ordergen_client.asynchronous.submission import AsyncSubmission
from ordergen_client.calls import run_orders, runs
from ordergen_client.calls.call import Call, Pages
from ordergen_client.calls.methods import like
from ordergen_client.records.orders.values import OrderSubmission

Given = ParamSpec("Given")
Answer = TypeVar("Answer")
Item = TypeVar("Item")


def _called(
    describe: Callable[Concatenate[str, Given], Call[Answer]],
) -> Callable[Concatenate["AsyncRunOrders", Given], Coroutine[Any, Any, Answer]]:
    """A method that makes a call about the run."""

    def method(
        self: "AsyncRunOrders", /, *args: Given.args, **kwargs: Given.kwargs
    ) -> Coroutine[Any, Any, Answer]:
        return self._connection.call(describe(self.rebalance_id, *args, **kwargs))

    return like(describe, method, Awaitable, of=1)


def _listed(
    describe: Callable[Concatenate[str, Given], Pages[Item]],
) -> Callable[Concatenate["AsyncRunOrders", Given], AsyncIterator[Item]]:
    """A method that reads a list of the run."""

    def method(self: "AsyncRunOrders", /, *args: Given.args, **kwargs: Given.kwargs) -> AsyncIterator[Item]:
        return self._connection.pages(describe(self.rebalance_id, *args, **kwargs))

    return like(describe, method, AsyncIterator, of=1)


def _submitted(
    describe: Callable[Concatenate[str, Given], Call[OrderSubmission]],
) -> Callable[Concatenate["AsyncRunOrders", Given], Coroutine[Any, Any, AsyncSubmission]]:
    """A method that submits orders of the run."""

    def method(
        self: "AsyncRunOrders", /, *args: Given.args, **kwargs: Given.kwargs
    ) -> Coroutine[Any, Any, AsyncSubmission]:
        return handle(self._connection, describe(self.rebalance_id, *args, **kwargs))

    return like(describe, method, Awaitable, AsyncSubmission, of=1)


async def handle(connection: AsyncConnection, call: Call[OrderSubmission]) -> AsyncSubmission:
    """Make a call that submits orders, and answer their handle."""
    made = await connection.call(call)
    return AsyncSubmission(connection, made.submission_id, made)


class AsyncRunOrders:
    """What the handle of a run does with its portfolios and their orders."""

    rebalance_id: str
    _connection: AsyncConnection

    review = _called(run_orders.review)
    approve = _called(run_orders.approve)
    reject = _called(run_orders.reject)
    submit = _submitted(run_orders.submit)
    orders = _listed(run_orders.orders)
    history = _listed(run_orders.history)
    blocks = _called(run_orders.blocks)
    allocate = _called(run_orders.allocate)
    portfolios = _listed(runs.portfolios)
    reconcile = _called(run_orders.reconcile)
