"""A market is the same for the same seed, and a file that cannot be one is refused by line and column."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from ordergen_server.sandbox.market.market import Market, MarketError, Security

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "security_id,ticker,description,price_date,price,price_std"
ACME = "6dcd4ce23d88e2ee9568ba54,ACME,Acme Inc.,2018-01-22,73.48,1.6518"


def write(folder: Path, *lines: str) -> Path:
    path = folder / "market.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_same_seed_same_market() -> None:
    assert Market.synthetic(seed=7, securities=40) == Market.synthetic(seed=7, securities=40)


def test_another_seed_another_market() -> None:
    assert (
        Market.synthetic(seed=7, securities=40).securities
        != Market.synthetic(seed=8, securities=40).securities
    )


def test_first_security_stays_what_it_is() -> None:
    """Every Python makes the same market: what is written down about one holds everywhere."""
    expected = Security("dfd11ae081da48f2dc8554e1", "AAA", "Alder Health 1 Inc.", Decimal("1609.28"))
    assert expected == Market.synthetic(seed=1, securities=1).securities[0]


def test_synthetic_securities_are_like_real_ones() -> None:
    securities = Market.synthetic(seed=3, securities=1_000).securities
    assert len({each.security_id for each in securities}) == 1_000
    assert len({each.ticker for each in securities}) == 1_000
    assert {len(each.security_id) for each in securities} == {24}
    assert all(each.security_id.isalnum() for each in securities)
    assert all(Decimal(3) <= each.price <= Decimal(1900) for each in securities)
    decimals = {-int(each.price.as_tuple().exponent) for each in securities}
    assert decimals == {2, 4, 8}


def test_a_market_needs_a_security() -> None:
    with pytest.raises(ValueError, match="at least one security, got 0"):
        Market.synthetic(securities=0)


def test_reads_a_file(tmp_path: Path) -> None:
    market = Market.from_csv(write(tmp_path, HEADER, ACME), seed=5)
    acme = Security("6dcd4ce23d88e2ee9568ba54", "ACME", "Acme Inc.", Decimal("73.48"))
    assert market == Market(5, (acme,))
    assert market.by_id == {acme.security_id: acme}
    assert market.by_ticker == {"ACME": acme}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["security_id,ticker"], "line 1: no column description, price_date, price, price_std"),
        ([HEADER], "no securities, only a header"),
        ([HEADER, "short,ACME,Acme,2018-01-22,1,0"], "line 2, column security_id: 'short' is not 24"),
        ([HEADER, ACME, ACME], "line 3, column security_id: '6dcd4ce23d88e2ee9568ba54' is there twice"),
        ([HEADER, ACME, ACME.replace("6d", "7d", 1)], "line 3, column ticker: 'ACME' is there twice"),
        ([HEADER, ACME.replace(",ACME,", ", ,")], "line 2, column ticker: ' ' is not a ticker"),
        ([HEADER, ACME.replace("73.48", "much")], "line 2, column price: 'much' is not a number"),
        ([HEADER, ACME.replace("73.48", "0")], "line 2, column price: '0' must be > 0"),
        ([HEADER, ACME.replace("73.48", "NaN")], "line 2, column price: 'NaN' must be > 0"),
        ([HEADER, ACME.replace("73.48", "0.123456789")], "line 2, column price: '0.123456789' must be > 0"),
        ([HEADER, ACME, "1,2"], "line 3: expected 6 values"),
        ([HEADER, ACME + ",more"], "line 2: expected 6 values"),
        ([HEADER, "x" * 200_000], "field larger than field limit"),
    ],
)
def test_refuses_a_file(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(MarketError, match=message):
        Market.from_csv(write(tmp_path, *lines))


def test_refuses_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(MarketError, match="No such file"):
        Market.from_csv(tmp_path / "none.csv")


def test_sampled_prices_stay_near_the_mean_and_are_repeatable() -> None:
    market = Market.synthetic(seed=2, securities=1)
    security = market.securities[0]
    prices = [market.sampled_price(security, call, Decimal("0.01")) for call in range(200)]
    assert prices == [market.sampled_price(security, call, Decimal("0.01")) for call in range(200)]
    assert len(set(prices)) > 100
    assert all(abs(price / security.price - 1) <= Decimal("0.0100001") for price in prices)
    assert all(price == round(price, 8) for price in prices)


def test_a_sampled_price_is_never_zero() -> None:
    security = Security("0" * 24, "LOW", "Low Inc.", Decimal("0.00000001"))
    market = Market(1, (security,))
    prices = {market.sampled_price(security, call, Decimal("0.999")) for call in range(50)}
    assert min(prices) == Decimal("0.00000001")
