"""Blocks and fills over the real port, against what the portfolios of the run say."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

import pytest
from globeco.ordergen.v1 import model_pb2, order_pb2, rebalance_pb2
from grpc import StatusCode

from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.builders import RUN_ID, security_id
from tests.databases import temporary_database
from tests.e2e.api import Api, failure, message_of, served
from tests.e2e.reviews import APPROVED, REJECTED, Person, listed
from tests.limits import PATIENCE, sized

pb = order_pb2
Key = tuple[str, int]


@pytest.fixture(scope="module")
def api(mongodb_uri: str, clean_siblings: SimulatedSiblings) -> Iterator[Api]:
    with temporary_database(mongodb_uri) as name, served(mongodb_uri, name, clean_siblings) as running:
        yield running


@pytest.fixture(scope="module")
def model(api: Api, clean_siblings: SimulatedSiblings) -> model_pb2.Model:
    return api.create(message_of(clean_siblings.model, portfolios=12))


@pytest.fixture(scope="module")
def run(api: Api, model: model_pb2.Model) -> str:
    """A run whose portfolios are approved, but for one that is rejected and one that is pending."""
    ann = Person(api, "ann")
    rebalance_id = ann.run(model.model_id).rebalance_id
    rejected, _, *approved = listed(api, rebalance_id)
    ann.review(rebalance_id, APPROVED, approved)
    ann.review(rebalance_id, REJECTED, [rejected])
    return rebalance_id


def trades(api: Api, rebalance_id: str) -> dict[Key, dict[str, rebalance_pb2.RebalancePosition]]:
    """What approved portfolios trade, by security and side, as they say it themselves."""
    found: dict[Key, dict[str, rebalance_pb2.RebalancePosition]] = defaultdict(dict)
    for one in listed(api, rebalance_id).values():
        if one.review.state == rebalance_pb2.REVIEW_STATE_APPROVED:
            for line in api.portfolio(rebalance_id, one.portfolio_id).positions:
                if line.trade_quantity:
                    found[line.security_id, line.transaction_type][one.portfolio_id] = line
    return dict(sorted(found.items()))


def blocks(api: Api, rebalance_id: str) -> list[pb.OrderBlock]:
    request = pb.AggregateOrdersRequest(rebalance_id=rebalance_id)
    return list(api.rebalances.AggregateOrders(request, timeout=PATIENCE).blocks)


def fill(
    api: Api, rebalance_id: str, security: str, side: rebalance_pb2.TransactionType.ValueType, filled: str
) -> list[pb.FillAllocation]:
    request = pb.AllocateFillRequest(rebalance_id=rebalance_id, security_id=security, transaction_type=side)
    request.filled_quantity.value = filled
    return list(api.rebalances.AllocateFill(request, timeout=PATIENCE).allocations)


def test_blocks_are_the_sums_of_what_approved_portfolios_trade(api: Api, run: str) -> None:
    expected = trades(api, run)
    found = blocks(api, run)
    assert len(found) > 10
    assert [(one.security_id, one.transaction_type) for one in found] == list(expected)
    for block in found:
        lines = list(expected[block.security_id, block.transaction_type].values())
        assert Decimal(block.quantity.value) == sum(line.trade_quantity for line in lines)
        assert Fraction(block.value.value) == sum(
            line.trade_quantity * Fraction(line.price.value) for line in lines
        )
        assert block.portfolio_count == len(lines)
        assert {block.ticker} == {line.ticker for line in lines}


def test_a_fill_is_shared_out_among_those_who_ordered(api: Api, run: str) -> None:
    expected = trades(api, run)
    for block in blocks(api, run)[:: sized(4, 1)]:
        lines = expected[block.security_id, block.transaction_type]
        whole = int(block.quantity.value)
        for filled in {0, 1, whole // 2, whole}:
            found = fill(api, run, block.security_id, block.transaction_type, str(filled))
            assert {one.portfolio_id: one.ordered_quantity for one in found} == {
                one: line.trade_quantity for one, line in lines.items()
            }
            assert [one.portfolio_id for one in found] == sorted(lines)
            assert sum(one.allocated_quantity for one in found) == filled
            for one in found:
                assert abs(one.allocated_quantity - Fraction(filled * one.ordered_quantity, whole)) < 1
            assert found == fill(api, run, block.security_id, block.transaction_type, str(filled))


def test_a_review_counts_as_it_is(api: Api, model: model_pb2.Model) -> None:
    ann = Person(api, "ann")
    rebalance_id = ann.run(model.model_id).rebalance_id
    assert blocks(api, rebalance_id) == []
    (first, *_) = listed(api, rebalance_id)
    ann.review(rebalance_id, APPROVED, [first])
    assert {one.portfolio_count for one in blocks(api, rebalance_id)} == {1}
    ann.review(rebalance_id, REJECTED, [first])
    assert blocks(api, rebalance_id) == []


def test_what_is_not_there_is_not_shared_out(api: Api, run: str) -> None:
    block, *_ = blocks(api, run)
    more = str(int(block.quantity.value) + 1)
    too_many = failure(lambda: fill(api, run, block.security_id, block.transaction_type, more))
    assert (too_many.code, too_many.fields) == (StatusCode.INVALID_ARGUMENT, ["filled_quantity"])
    unknown = failure(lambda: fill(api, run, security_id(1), block.transaction_type, "1"))
    assert unknown.code is StatusCode.NOT_FOUND
    for text in ("-1", "0.5", "1e-3", ""):
        broken = failure(lambda text=text: fill(api, run, block.security_id, block.transaction_type, text))  # type: ignore[misc]
        assert (broken.code, broken.fields) == (StatusCode.INVALID_ARGUMENT, ["filled_quantity"])
    assert failure(lambda: blocks(api, RUN_ID)).code is StatusCode.NOT_FOUND


def test_whole_shares_may_be_written_in_any_way(api: Api, run: str) -> None:
    block, *_ = blocks(api, run)
    found = [fill(api, run, block.security_id, block.transaction_type, text) for text in ("1", "1.0", "1e0")]
    assert found[0] == found[1] == found[2]
