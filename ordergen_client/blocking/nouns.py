"""What a `Client` does with each kind of thing: it makes the calls of `ordergen_client.calls`."""

from collections.abc import Callable, Generator, Iterator
from typing import Concatenate, ParamSpec, TypeVar

from ordergen_client.blocking.connection import Connection
from ordergen_client.blocking.run import Run
from ordergen_client.blocking.submission import Submission
from ordergen_client.calls import (
    models,
    portfolio_settings,
    portfolios,
    run_orders,
    runs,
    securities,
    server,
    submissions,
)
from ordergen_client.calls.call import Call, Pages, Stream, Watch
from ordergen_client.calls.methods import like
from ordergen_client.records import checks
from ordergen_client.records.orders.values import OrderSubmission
from ordergen_client.records.values import Rebalance

Given = ParamSpec("Given")
Answer = TypeVar("Answer")
Item = TypeVar("Item")


class Noun:
    """What is done with one kind of thing."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection


def called(describe: Callable[Given, Call[Answer]]) -> Callable[Concatenate[Noun, Given], Answer]:
    """A method that makes a call."""

    def method(self: Noun, /, *args: Given.args, **kwargs: Given.kwargs) -> Answer:
        return self._connection.call(describe(*args, **kwargs))

    return like(describe, method)


def started(describe: Callable[Given, Call[Rebalance]]) -> Callable[Concatenate[Noun, Given], Run]:
    """A method that starts a run."""

    def method(self: Noun, /, *args: Given.args, **kwargs: Given.kwargs) -> Run:
        run = self._connection.call(describe(*args, **kwargs))
        return Run(self._connection, run.rebalance_id, run)

    return like(describe, method, item=Run)


def submitted(
    describe: Callable[Given, Call[OrderSubmission]],
) -> Callable[Concatenate[Noun, Given], Submission]:
    """A method that submits orders."""

    def method(self: Noun, /, *args: Given.args, **kwargs: Given.kwargs) -> Submission:
        made = self._connection.call(describe(*args, **kwargs))
        return Submission(self._connection, made.submission_id, made)

    return like(describe, method, item=Submission)


def listed(describe: Callable[Given, Pages[Item]]) -> Callable[Concatenate[Noun, Given], Iterator[Item]]:
    """A method that reads a list."""

    def method(self: Noun, /, *args: Given.args, **kwargs: Given.kwargs) -> Iterator[Item]:
        return self._connection.pages(describe(*args, **kwargs))

    return like(describe, method, Iterator)


def streamed(
    describe: Callable[Given, Stream[Item]],
) -> Callable[Concatenate[Noun, Given], Generator[Item, None, None]]:
    """A method that reads a stream as one call."""

    def method(self: Noun, /, *args: Given.args, **kwargs: Given.kwargs) -> Generator[Item, None, None]:
        return self._connection.stream(describe(*args, **kwargs))

    return like(describe, method, Iterator)


def followed(
    describe: Callable[Given, Watch[Item]],
) -> Callable[Concatenate[Noun, Given], Generator[Item, None, None]]:
    """A method that reads a stream to its end, over as many calls as it takes."""

    def method(self: Noun, /, *args: Given.args, **kwargs: Given.kwargs) -> Generator[Item, None, None]:
        return self._connection.follow(describe(*args, **kwargs))

    return like(describe, method, Iterator)


class Models(Noun):
    """Models: their securities, and the portfolios that follow them."""

    create = called(models.create)
    get = called(models.get)
    list = listed(models.list_all)
    update = called(models.update)
    delete = called(models.delete)
    add_position = called(models.add_position)
    update_position = called(models.update_position)
    remove_position = called(models.remove_position)
    add_portfolios = called(models.add_portfolios)
    remove_portfolios = called(models.remove_portfolios)


class Settings(Noun):
    """Settings of portfolios: what is to hold in every run."""

    get = called(portfolio_settings.get)
    update = called(portfolio_settings.update)
    list = listed(portfolio_settings.list_all)
    delete = called(portfolio_settings.delete)


class Portfolios(Noun):
    """Portfolios: single ones, what people call them, and who needs a rebalance.

    Attributes:
        settings: what is to hold for them in every run.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.settings = Settings(connection)

    rebalance = called(portfolios.rebalance)
    drift = streamed(portfolios.drift)
    resolve = called(portfolios.resolve)


class Securities(Noun):
    """Securities of the security service."""

    resolve = called(securities.resolve)


class Server(Noun):
    """The server itself."""

    diagnose = called(server.diagnose)


class Runs(Noun):
    """Runs: rebalances of every portfolio of a model, and of single ones."""

    start = started(runs.start)
    stream = streamed(runs.stream)
    compare = streamed(runs.compare)
    watch = followed(runs.watch)
    watch_messages = followed(runs.watch_messages)
    cancel = called(runs.cancel)
    delete = called(runs.delete)
    get = called(runs.get)
    list = listed(runs.list_all)
    portfolios = listed(runs.portfolios)
    portfolio = called(runs.portfolio)
    review = called(run_orders.review)
    submit = submitted(run_orders.submit)
    orders = listed(run_orders.orders)
    history = listed(run_orders.history)
    blocks = called(run_orders.blocks)
    allocate = called(run_orders.allocate)
    reconcile = called(run_orders.reconcile)

    def attach(self, rebalance_id: str) -> Run:
        """The handle of a run that was started before, here or elsewhere; nothing is asked yet."""
        return Run(self._connection, checks.text(rebalance_id, "rebalance_id"))


class Submissions(Noun):
    """Submissions: orders of runs on their way to the order service."""

    get = called(submissions.get)
    watch = followed(submissions.watch)
    cancel = called(submissions.cancel)

    def attach(self, submission_id: str) -> Submission:
        """The handle of a submission that was asked for before, here or elsewhere; nothing is asked yet."""
        return Submission(self._connection, checks.text(submission_id, "submission_id"))
