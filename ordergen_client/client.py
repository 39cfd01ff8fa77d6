"""The client: one channel, every call with a deadline, errors of ours."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self

import grpc

from ordergen_client.blocking.connection import Connection
from ordergen_client.blocking.nouns import Models, Portfolios, Runs, Securities, Server, Submissions
from ordergen_client.connecting.channels import ClientInterceptor, open_channel
from ordergen_client.connecting.credentials import Tls, Token
from ordergen_client.connecting.terms import check_target, terms
from ordergen_client.flat import FlatNames


class Client(FlatNames):
    """Talks to the order generation service.

    Args:
        target: `host:port`, or `dns:///host:port` to spread calls over every server behind a name.
        timeout_seconds: the deadline of a call, all tries together.
        run_timeout_seconds: how long a run or a submission is followed.
        reconnect_seconds: how long it is tried to take up again a stream that was cut off, with nothing heard
            meanwhile.
        tls: connect with TLS; without it the connection is plain text.
        token: a bearer token, a file that has one, or what makes one; asked for with every call, and not
            sent in plain text to another machine.
        actor: who calls, for servers that ask for no credentials: it is noted with what is done, and proves
            nothing.
        interceptors: gRPC's; they see every call, the first one first.
        channel: use this channel instead of opening one; closing it, what it tries again and its interceptors
            stay with who opened it.
        grpc_causes: every error has what gRPC raised as its `__cause__`; otherwise tracebacks end with ours.

    Attributes:
        models: what is done with models.
        portfolios: what is done with single portfolios.
        securities: what is known of securities.
        runs: what is done with runs.
        submissions: what is done with submissions of their orders.
        server: what is asked of the server about itself.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: a target that is no `host:port`; a token, no TLS, and a target that is not this machine; a
            channel, and interceptors for one.
        OSError: a file of TLS cannot be read.

    Every method raises `OrderGenerationError`, or one of its kinds, where the service does not do it, and
    TypeError or ValueError at once, with the name of the argument, for what cannot be meant.

    Reads are tried again, within their deadline, where a server is away for a moment; so are creations of
    models, starts of rebalances and submissions of orders, which the service does once for one request id,
    and reviews, of which the latest counts. No other write is.
    """

    def __init__(
        self,
        target: str = "localhost:8088",
        *,
        timeout_seconds: float = 30.0,
        run_timeout_seconds: float = 3600.0,
        reconnect_seconds: float = 60.0,
        tls: Tls | None = None,
        token: Token | None = None,
        actor: str = "",
        interceptors: Sequence[ClientInterceptor] = (),
        channel: grpc.Channel | None = None,
        grpc_causes: bool = False,
    ) -> None:
        agreed = terms(
            timeout_seconds=timeout_seconds,
            run_timeout_seconds=run_timeout_seconds,
            reconnect_seconds=reconnect_seconds,
            token=token,
            actor=actor,
            grpc_causes=grpc_causes,
        )
        self._owned: grpc.Channel | None = None
        if channel is None:
            check_target(target, tls=tls, token=token)
            channel = self._owned = open_channel(target, tls, named_writes=True, interceptors=interceptors)
        elif interceptors:
            raise ValueError("interceptors belong to a channel that the client opens: give one of the two")
        connection = Connection(channel, agreed)
        self.models = Models(connection)
        self.portfolios = Portfolios(connection)
        self.securities = Securities(connection)
        self.runs = Runs(connection)
        self.submissions = Submissions(connection)
        self.server = Server(connection)

    def close(self) -> None:
        """Close the channel, if it is ours."""
        if self._owned:
            self._owned.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
