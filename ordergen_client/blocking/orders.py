"""What is done with the portfolios and orders of a run, from their review to what became of them."""

from collections.abc import Callable, Iterator
from typing import Concatenate, ParamSpec, TypeVar

from ordergen_client.blocking.connection import Connection
from ordergen_client.blocking.submission import Submission
from ordergen_client.calls import run_orders, runs
from ordergen_client.calls.call import Call, Pages
from ordergen_client.calls.methods import like
from ordergen_client.records.orders.values import OrderSubmission

Given = ParamSpec("Given")
Answer = TypeVar("Answer")
Item = TypeVar("Item")


def _called(
    describe: Callable[Concatenate[str, Given], Call[Answer]],
) -> Callable[Concatenate["RunOrders", Given], Answer]:
    """A method that makes a call about the run."""

    def method(self: "RunOrders", /, *args: Given.args, **kwargs: Given.kwargs) -> Answer:
        return self._connection.call(describe(self.rebalance_id, *args, **kwargs))

    return like(describe, method, of=1)


def _listed(
    describe: Callable[Concatenate[str, Given], Pages[Item]],
) -> Callable[Concatenate["RunOrders", Given], Iterator[Item]]:
    """A method that reads a list of the run."""

    def method(self: "RunOrders", /, *args: Given.args, **kwargs: Given.kwargs) -> Iterator[Item]:
        return self._connection.pages(describe(self.rebalance_id, *args, **kwargs))

    return like(describe, method, Iterator, of=1)


def _submitted(
    describe: Callable[Concatenate[str, Given], Call[OrderSubmission]],
) -> Callable[Concatenate["RunOrders", Given], Submission]:
    """A method that submits orders of the run."""

    def method(self: "RunOrders", /, *args: Given.args, **kwargs: Given.kwargs) -> Submission:
        made = self._connection.call(describe(self.rebalance_id, *args, **kwargs))
        return Submission(self._connection, made.submission_id, made)

    return like(describe, method, item=Submission, of=1)


class RunOrders:
    """What the handle of a run does with its portfolios and their orders."""

    rebalance_id: str
    _connection: Connection

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
