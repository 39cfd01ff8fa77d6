"""The client: one channel, every call with a deadline, errors of ours."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc
from globeco.ordergen.v1 import (
    model_pb2,
    model_service_pb2,
    model_service_pb2_grpc,
    rebalance_service_pb2,
    rebalance_service_pb2_grpc,
)
from google.protobuf.field_mask_pb2 import FieldMask

from ordergen_client import messages
from ordergen_client.channels import open_channel
from ordergen_client.credentials import Tls, Token, authorization, is_this_machine
from ordergen_client.errors import raise_from
from ordergen_client.values import (
    Model,
    PortfolioRebalance,
    PortfolioState,
    Position,
    Rebalance,
    RebalanceEvent,
    RebalanceOptions,
    View,
)

DEFAULT_OPTIONS = RebalanceOptions()

#: Closing it ends the stream.
Messages = Generator[rebalance_service_pb2.RebalanceModelResponse, None, None]
Answer = TypeVar("Answer")
Page = TypeVar("Page")


class Client:
    """Talks to the order generation service.

    Args:
        target: `host:port`, or `dns:///host:port` to spread calls over every server behind a name.
        timeout_seconds: the deadline of a call, all tries together.
        run_timeout_seconds: the deadline of the stream of a run.
        tls: connect with TLS; without it the connection is plain text.
        token: a bearer token, a file that has one, or what makes one; asked for with every call, and not
            sent in plain text to another machine.
        channel: use this channel instead of opening one; closing it stays with who opened it.

    Raises:
        ValueError: a token, no TLS, and a target that is not this machine.
        OSError: a file of TLS cannot be read.

    Every method raises `OrderGenerationError`, or one of its kinds, where the service does not do it.
    """

    def __init__(
        self,
        target: str = "localhost:8088",
        *,
        timeout_seconds: float = 30.0,
        run_timeout_seconds: float = 3600.0,
        tls: Tls | None = None,
        token: Token | None = None,
        channel: grpc.Channel | None = None,
    ) -> None:
        if token and not (tls or channel or is_this_machine(target)):
            raise ValueError("a token is sent to another machine with TLS alone: give tls, too")
        used = channel or open_channel(target, tls)
        self._owned = None if channel else used
        self._token = token
        self._models = model_service_pb2_grpc.ModelServiceStub(used)
        self._rebalances = rebalance_service_pb2_grpc.RebalanceServiceStub(used)
        self._timeout_seconds = timeout_seconds
        self._run_timeout_seconds = run_timeout_seconds

    def create_model(
        self,
        name: str,
        positions: Iterable[Position] = (),
        portfolio_ids: Iterable[str] = (),
        *,
        request_id: str = "",
    ) -> Model:
        """Create a model; with a request id (a UUID4) the call is safe to repeat."""
        message = messages.model_message(name, positions, portfolio_ids)
        request = model_service_pb2.CreateModelRequest(model=message, request_id=request_id)
        return messages.model(self._call(self._models.CreateModel, request))

    def get_model(self, model_id: str) -> Model:
        """Read a model."""
        request = model_service_pb2.GetModelRequest(model_id=model_id)
        return messages.model(self._call(self._models.GetModel, request))

    def list_models(
        self, *, order_by: str = "", portfolio_id: str = "", page_size: int = 0
    ) -> Iterator[Model]:
        """Read every model, page after page as they are needed."""
        request = model_service_pb2.ListModelsRequest(
            order_by=order_by, portfolio_id=portfolio_id, page_size=page_size
        )
        for page in self._pages(self._models.ListModels, request):
            yield from map(messages.model, page.models)

    def update_model(
        self,
        model_id: str,
        version: int,
        *,
        name: str | None = None,
        positions: Iterable[Position] | None = None,
        portfolio_ids: Iterable[str] | None = None,
    ) -> Model:
        """Replace the fields that are given; `version` is the one that was read.

        Raises:
            ValueError: none is given.
        """
        given = {"name": name, "positions": positions, "portfolio_ids": portfolio_ids}
        fields = [field for field, value in given.items() if value is not None]
        if not fields:  # a mask that names nothing is one of all fields
            raise ValueError("name, positions or portfolio_ids must be given")
        message = messages.model_message(name or "", positions or (), portfolio_ids or ())
        message.model_id, message.version = model_id, version
        request = model_service_pb2.UpdateModelRequest(model=message, update_mask=FieldMask(paths=fields))
        return messages.model(self._call(self._models.UpdateModel, request))

    def delete_model(self, model_id: str, version: int) -> None:
        """Delete a model; `version` is the one that was read."""
        request = model_service_pb2.DeleteModelRequest(model_id=model_id, version=version)
        self._call(self._models.DeleteModel, request)

    def add_position(self, model_id: str, position: Position, version: int = 0) -> Model:
        """Add a security to a model; `version` 0 is whichever is current."""
        request = model_service_pb2.AddPositionRequest(
            model_id=model_id, position=messages.position_message(position), version=version
        )
        return messages.model(self._call(self._models.AddPosition, request))

    def update_position(self, model_id: str, position: Position, version: int = 0) -> Model:
        """Replace the target and drifts of a security of a model."""
        request = model_service_pb2.UpdatePositionRequest(
            model_id=model_id, position=messages.position_message(position), version=version
        )
        return messages.model(self._call(self._models.UpdatePosition, request))

    def remove_position(self, model_id: str, position: str | Position, version: int = 0) -> Model:
        """Remove a security from a model; a whole position must equal what is stored."""
        message = (
            model_pb2.Position(security_id=position)
            if isinstance(position, str)
            else messages.position_message(position)
        )
        request = model_service_pb2.RemovePositionRequest(
            model_id=model_id, position=message, version=version
        )
        return messages.model(self._call(self._models.RemovePosition, request))

    def add_portfolios(self, model_id: str, portfolio_ids: Iterable[str], version: int = 0) -> Model:
        """Link portfolios to a model; those it has are no matter."""
        request = model_service_pb2.AddPortfoliosRequest(
            model_id=model_id, portfolio_ids=portfolio_ids, version=version
        )
        return messages.model(self._call(self._models.AddPortfolios, request))

    def remove_portfolios(self, model_id: str, portfolio_ids: Iterable[str], version: int = 0) -> Model:
        """Unlink portfolios from a model; those it does not have are no matter."""
        request = model_service_pb2.RemovePortfoliosRequest(
            model_id=model_id, portfolio_ids=portfolio_ids, version=version
        )
        return messages.model(self._call(self._models.RemovePortfolios, request))

    def rebalance_portfolio(
        self,
        portfolio_id: str,
        options: RebalanceOptions = DEFAULT_OPTIONS,
        *,
        validate_only: bool = False,
        request_id: str = "",
    ) -> PortfolioRebalance:
        """Rebalance one portfolio to its model.

        Args:
            portfolio_id: the portfolio.
            options: how.
            validate_only: compute everything, store nothing.
            request_id: a UUID4; makes the call safe to repeat.
        """
        request = rebalance_service_pb2.RebalancePortfolioRequest(
            portfolio_id=portfolio_id,
            options=messages.options_message(options),
            validate_only=validate_only,
            request_id=request_id,
        )
        return messages.portfolio_rebalance(self._call(self._rebalances.RebalancePortfolio, request))

    def rebalance_model(
        self,
        model_id: str,
        options: RebalanceOptions = DEFAULT_OPTIONS,
        *,
        validate_only: bool = False,
        request_id: str = "",
        view: View = "FULL",
    ) -> Iterator[RebalanceEvent]:
        """Rebalance every portfolio of a model; events come as portfolios are done and stored.

        Closing the iterator cancels the run. Where the run fails as a whole its error is raised after the
        last event. The arguments are those of `rebalance_portfolio`; the view BASIC leaves out positions.
        """
        request = rebalance_service_pb2.RebalanceModelRequest(
            model_id=model_id,
            options=messages.options_message(options),
            validate_only=validate_only,
            request_id=request_id,
            view=messages.view(view),
        )
        return _events(self._stream(self._rebalances.RebalanceModel, request))

    def start_rebalance(
        self, model_id: str, options: RebalanceOptions = DEFAULT_OPTIONS, *, request_id: str = ""
    ) -> Rebalance:
        """Start the rebalance of every portfolio of a model; it goes on by itself."""
        request = rebalance_service_pb2.StartRebalanceRequest(
            model_id=model_id, options=messages.options_message(options), request_id=request_id
        )
        return messages.rebalance(self._call(self._rebalances.StartRebalance, request))

    def watch_rebalance(
        self, rebalance_id: str, after_sequence: int = 0, *, view: View = "FULL"
    ) -> Iterator[RebalanceEvent]:
        """Every event of a run after a point, until it ends; closing the iterator leaves the run alone.

        The view BASIC leaves out positions.
        """
        return _events(self.watch_messages(rebalance_id, after_sequence, view=view))

    def watch_messages(self, rebalance_id: str, after_sequence: int = 0, *, view: View = "FULL") -> Messages:
        """As `watch_rebalance`, but the messages of the contract as they come."""
        request = rebalance_service_pb2.WatchRebalanceRequest(
            rebalance_id=rebalance_id, after_sequence=after_sequence, view=messages.view(view)
        )
        return self._stream(self._rebalances.WatchRebalance, request)

    def cancel_rebalance(self, rebalance_id: str) -> Rebalance:
        """Cancel a run; one that has ended stays as it is."""
        request = rebalance_service_pb2.CancelRebalanceRequest(rebalance_id=rebalance_id)
        return messages.rebalance(self._call(self._rebalances.CancelRebalance, request))

    def delete_rebalance(self, rebalance_id: str, version: int) -> None:
        """Delete a run that has ended; `version` is the one that was read."""
        request = rebalance_service_pb2.DeleteRebalanceRequest(rebalance_id=rebalance_id, version=version)
        self._call(self._rebalances.DeleteRebalance, request)

    def get_rebalance(self, rebalance_id: str) -> Rebalance:
        """Read a run."""
        request = rebalance_service_pb2.GetRebalanceRequest(rebalance_id=rebalance_id)
        return messages.rebalance(self._call(self._rebalances.GetRebalance, request))

    def list_rebalances(
        self, *, model_id: str = "", portfolio_ids: Iterable[str] = (), page_size: int = 0
    ) -> Iterator[Rebalance]:
        """Read every run, newest first, page after page as they are needed."""
        request = rebalance_service_pb2.ListRebalancesRequest(
            model_id=model_id, portfolio_ids=portfolio_ids, page_size=page_size
        )
        for page in self._pages(self._rebalances.ListRebalances, request):
            yield from map(messages.rebalance, page.rebalances)

    def list_portfolio_rebalances(
        self, rebalance_id: str, *, state: PortfolioState | None = None, page_size: int = 0
    ) -> Iterator[PortfolioRebalance]:
        """Read what a run did for each portfolio, without positions."""
        request = rebalance_service_pb2.ListPortfolioRebalancesRequest(
            rebalance_id=rebalance_id, page_size=page_size, state=messages.portfolio_state(state)
        )
        for page in self._pages(self._rebalances.ListPortfolioRebalances, request):
            yield from map(messages.portfolio_rebalance, page.portfolio_rebalances)

    def get_portfolio_rebalance(
        self, rebalance_id: str, portfolio_id: str, *, view: View = "FULL"
    ) -> PortfolioRebalance:
        """Read what a run did for one portfolio; the view BASIC leaves out its positions."""
        request = rebalance_service_pb2.GetPortfolioRebalanceRequest(
            rebalance_id=rebalance_id, portfolio_id=portfolio_id, view=messages.view(view)
        )
        return messages.portfolio_rebalance(self._call(self._rebalances.GetPortfolioRebalance, request))

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

    def _call(self, method: Callable[..., Answer], request: object) -> Answer:
        try:
            return method(request, timeout=self._timeout_seconds, metadata=authorization(self._token))
        except grpc.RpcError as error:
            raise_from(error)

    def _stream(
        self,
        method: Any,  # noqa: ANN401 - a stub's method
        request: object,
    ) -> Messages:
        metadata = authorization(self._token)
        stream = method(request, timeout=self._run_timeout_seconds, metadata=metadata)
        try:
            yield from stream
        except grpc.RpcError as error:
            raise_from(error)
        finally:
            stream.cancel()

    def _pages(self, method: Callable[..., Page], request: Any) -> Iterator[Page]:  # noqa: ANN401 - any request of a list
        while True:
            page: Any = self._call(method, request)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token


def _events(stream: Messages) -> Iterator[RebalanceEvent]:
    with closing(stream):
        yield from map(messages.event, stream)
