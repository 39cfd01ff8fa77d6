"""What people call securities and portfolios, over the real port: gRPC, both clients, and what is refused."""

import asyncio
from collections.abc import Iterator

import pytest
from globeco.ordergen.v1 import reference_service_pb2 as pb
from globeco.ordergen.v1.model_service_pb2 import ListModelsRequest
from google.rpc import error_details_pb2
from grpc import StatusCode

from ordergen_client import (
    AsyncClient,
    BadData,
    Client,
    InvalidArgument,
    Portfolio,
    PortfolioMatches,
    Security,
    SecurityMatches,
    SiblingUnavailable,
)
from ordergen_server.call_wiring import RESOLVING_THREADS
from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.databases import temporary_database
from tests.e2e.api import Api, failure, served
from tests.limits import PATIENCE
from tests.waiting import eventually

#: Longer than the server lets those wait for names who can do without them.
SLOW_SECONDS = 4.0


@pytest.fixture(scope="module")
def calm(mongodb_uri: str, clean_siblings: SimulatedSiblings) -> Iterator[Api]:
    """One server for all that goes well."""
    with temporary_database(mongodb_uri) as name, served(mongodb_uri, name, clean_siblings) as running:
        yield running


def security(siblings: SimulatedSiblings, number: int) -> Security:
    one = siblings.portfolios.market.securities[number]
    return Security(one.security_id, one.ticker, one.price)


def portfolio(siblings: SimulatedSiblings, number: int) -> Portfolio:
    return Portfolio(siblings.portfolios.portfolio_id(number), siblings.portfolios.name(number))


def securities_of(api: Api, *asked: str) -> pb.ResolveSecuritiesResponse:
    return api.references.ResolveSecurities(pb.ResolveSecuritiesRequest(securities=asked), timeout=PATIENCE)


def portfolios_of(api: Api, *asked: str) -> pb.ResolvePortfoliosResponse:
    return api.references.ResolvePortfolios(pb.ResolvePortfoliosRequest(portfolios=asked), timeout=PATIENCE)


def test_both_clients_resolve_by_each_rule(calm: Api, clean_siblings: SimulatedSiblings) -> None:
    first, second = (security(clean_siblings, number) for number in range(2))
    texts = [first.security_id, second.ticker, second.ticker.lower(), first.security_id[:12], "no such"]
    other, every = portfolio(clean_siblings, 3), portfolio(clean_siblings, 0).portfolio_id[:16]
    named = [other.portfolio_id, other.name, other.name.upper(), "no such", every]
    securities = tuple(
        SecurityMatches(asked, found, more=False)
        for asked, found in zip(texts, [(first,), (second,), (second,), (first,), ()], strict=True)
    )
    ten = tuple(portfolio(clean_siblings, number) for number in range(10))
    portfolios = (
        *(PortfolioMatches(asked, (other,), more=False) for asked in named[:3]),
        PortfolioMatches("no such", (), more=False),
        PortfolioMatches(every, ten, more=True),
    )

    async def both(target: str) -> tuple[object, object]:
        async with AsyncClient(target, timeout_seconds=PATIENCE) as client:
            return await client.securities.resolve(texts), await client.portfolios.resolve(named)

    target = f"127.0.0.1:{calm.port}"
    with Client(target, timeout_seconds=PATIENCE) as client:
        assert client.securities.resolve(texts) == securities
        assert client.portfolios.resolve(named) == portfolios
    assert asyncio.run(both(target)) == (securities, portfolios)


def test_a_price_has_its_digits_and_what_has_none_has_no_field(api: Api, siblings: SimulatedSiblings) -> None:
    priced, unpriced = (security(siblings, number) for number in range(2))
    siblings.override_price(priced.security_id, "12.50000000")
    siblings.override_price(unpriced.security_id, None)
    told = securities_of(api, priced.ticker, unpriced.ticker)
    assert [one.securities[0].price.value for one in told.matches] == ["12.50000000", ""]
    assert [one.securities[0].HasField("price") for one in told.matches] == [True, False]


def test_a_thousand_texts_are_answered_in_their_order(calm: Api, clean_siblings: SimulatedSiblings) -> None:
    asked = [security(clean_siblings, number % 500).ticker for number in range(1_000)]
    told = securities_of(calm, *asked)
    assert [one.asked for one in told.matches] == asked
    assert [one.securities[0].ticker for one in told.matches] == asked
    found = failure(lambda: securities_of(calm, *asked, "one more"))
    assert (found.code, found.fields) == (StatusCode.INVALID_ARGUMENT, ["securities"])


def test_texts_of_any_script_are_taken_up_to_their_bound(calm: Api) -> None:
    """64 characters, whatever they take as bytes."""
    longest = "\N{GRINNING FACE}" * 64
    assert portfolios_of(calm, longest, "\0", " ").matches[0].asked == longest
    found = failure(lambda: portfolios_of(calm, longest + "x", "", "x"))
    assert (found.code, found.fields) == (StatusCode.INVALID_ARGUMENT, ["portfolios[0]", "portfolios[1]"])


def test_slow_names_are_waited_for(api: Api, siblings: SimulatedSiblings) -> None:
    siblings.set_faults("portfolio", [Fault(kind="delay", endpoint="portfolios", delay_seconds=SLOW_SECONDS)])
    one = portfolio(siblings, 2)
    [matches] = portfolios_of(api, one.name).matches
    assert [found.portfolio_id for found in matches.portfolios] == [one.portfolio_id]
    assert siblings.calls("portfolio") == {"portfolios": 1}


def test_a_list_that_is_refused_leaves_ids(api: Api, siblings: SimulatedSiblings) -> None:
    known, orphan = security(siblings, 0), security(siblings, 1)
    siblings.orphan_security(orphan.security_id)
    told = securities_of(api, known.security_id, orphan.security_id)
    assert [[found.ticker for found in one.securities] for one in told.matches] == [[known.ticker], []]
    found = failure(lambda: securities_of(api, known.security_id, known.ticker))
    assert (found.code, found.info.reason) == (StatusCode.FAILED_PRECONDITION, "BAD_DATA")
    assert found.info.metadata == {"service": "security"}
    causes = found.detail(error_details_pb2.PreconditionFailure).violations
    assert [(one.type, one.subject) for one in causes] == [("NOT_LISTED", known.ticker)]
    with (
        Client(channel=api.channel, timeout_seconds=PATIENCE) as client,
        pytest.raises(BadData, match="give ids of 24 alphanumeric characters"),
    ):
        client.securities.resolve([known.ticker])


def test_names_that_cannot_be_had_are_unavailable_and_runs_go_on(
    api: Api, siblings: SimulatedSiblings
) -> None:
    siblings.set_faults("portfolio", [Fault(kind="status", status=503)])
    found = failure(lambda: portfolios_of(api, "Growth"))
    assert (found.code, found.info.reason) == (StatusCode.UNAVAILABLE, "SIBLING_UNAVAILABLE")
    assert found.info.metadata == {"service": "portfolio"}
    assert found.detail(error_details_pb2.RetryInfo).retry_delay.seconds > 0
    with Client(channel=api.channel, timeout_seconds=PATIENCE) as client:
        with pytest.raises(SiblingUnavailable, match="give ids there"):
            client.portfolios.resolve(["Growth"])
        assert client.securities.resolve([security(siblings, 0).ticker])[0].securities


def test_a_sibling_that_hangs_holds_up_nobody_else(api: Api, siblings: SimulatedSiblings) -> None:
    """More callers than there are threads for; once they have left, others have their turn."""
    siblings.set_faults("portfolio", [Fault(kind="hang", endpoint="portfolios", times=1)])
    request = pb.ResolvePortfoliosRequest(portfolios=["Growth"])
    waiting = [
        api.references.ResolvePortfolios.future(request, timeout=PATIENCE)
        for _ in range(2 * RESOLVING_THREADS)
    ]
    eventually(lambda: siblings.calls("portfolio") == {"portfolios": 1})
    assert api.models.ListModels(ListModelsRequest(), timeout=PATIENCE).total_size == 0
    assert not any(one.done() for one in waiting)
    for one in waiting:
        one.cancel()
    assert securities_of(api, security(siblings, 0).ticker).matches[0].securities


def test_what_cannot_be_meant_is_refused_by_the_client_and_the_rest_by_the_server(calm: Api) -> None:
    with Client(channel=calm.channel, timeout_seconds=PATIENCE) as client:
        with pytest.raises(TypeError, match=r"^securities must be several strings"):
            client.securities.resolve("AAA")
        with pytest.raises(InvalidArgument, match="portfolios: must have at least one entry"):
            client.portfolios.resolve([])
