"""The rules of the options of runs."""

from hypothesis import strategies as st

from tests.e2e.request_rules.rule import ANY, EDGES, ENTITY_ID, NUMBER_FORM, WEIGHT, Rule
from tests.e2e.request_values import (
    Entries,
    above_one,
    choices_above,
    entity_ids,
    long_texts,
    negative_int32,
    negative_int64,
    negative_numbers,
    no_numbers,
    too_many,
)

RULES: dict[str, Rule] = {
    "RebalanceOptions.strategy": Rule("TO_TARGET, TO_BAND or unspecified", choices_above(2)),
    "RebalanceOptions.minimum_cash": Rule("may be absent, and excludes allow_overdraft", None, EDGES),
    "RebalanceOptions.allow_overdraft": ANY,
    "RebalanceOptions.solver_timeout": Rule(
        "above 0 and at most 3,600 seconds",
        st.tuples(st.integers(-(2**63), 0) | st.integers(3601, 2**63 - 1), st.just(0))
        | st.tuples(st.integers(1, 3599), st.integers(-(2**31), -1) | st.integers(10**9, 2**31 - 1)),
    ),
    "RebalanceOptions.minimum_trade_value": Rule(f"0 or more; {NUMBER_FORM}", no_numbers | negative_numbers),
    "RebalanceOptions.restrictions": Rule(
        "at most 1,000, each security once", too_many(1000) | st.just(Entries(2))
    ),
    "RebalanceOptions.lot_sizes": Rule(
        "at most 1,000, each security once", too_many(1000) | st.just(Entries(2))
    ),
    "RebalanceOptions.maximum_turnover_weight": Rule(
        f"0 or more; {NUMBER_FORM}", no_numbers | negative_numbers
    ),
    "RebalanceOptions.maximum_trade_count": Rule("0 or more", negative_int32),
    "RebalanceOptions.sides": Rule("BUY_AND_SELL, BUY_ONLY, SELL_ONLY or unspecified", choices_above(3)),
    "RebalanceOptions.unpriced": Rule("FAIL, FREEZE or unspecified", choices_above(2)),
    "RebalanceOptions.costs": Rule("may be absent: no costs", None, EDGES),
    "TradingCosts.rate_weight": Rule(
        f"0 or more, and below 1; {NUMBER_FORM}",
        st.one_of(no_numbers, negative_numbers, above_one, st.just("1")),
    ),
    "TradingCosts.per_trade_amount": Rule(f"0 or more; {NUMBER_FORM}", no_numbers | negative_numbers),
    "RebalanceOptions.maximum_price_age_days": Rule(
        "from 0 to 3,650; absent is what the server is configured with",
        negative_int32 | st.integers(3651, 2**31 - 1),
    ),
    "RebalanceOptions.security_limits": Rule(
        "at most 1,000, each security once", too_many(1000) | st.just(Entries(2))
    ),
    "RebalanceOptions.group_limits": Rule("at most 100, each name once", too_many(100)),
    "SecurityLimit.security_id": ENTITY_ID,
    "GroupLimit.name": Rule(
        "1 to 255 characters, not blank, unique in the options",
        st.one_of(
            st.sampled_from(["", " ", "\t\n"]), st.integers(256, 1024).map(lambda n: "x" * n), long_texts
        ),
    ),
    "GroupLimit.security_ids": Rule(
        "at least one and at most 1,000, exactly 24 alphanumeric characters each, once",
        st.just(Entries(0)) | entity_ids | too_many(1000),
    ),
    **{
        f"{name}.{side}": Rule(
            f"{WEIGHT}, {more}; {NUMBER_FORM}", st.one_of(no_numbers, negative_numbers, above_one)
        )
        for name in ("SecurityLimit", "GroupLimit")
        for side, more in (
            ("minimum_weight", "not above maximum_weight"),
            ("maximum_weight", "and one of the two must be there"),
        )
    },
    "RebalanceOptions.open_orders": Rule(
        "REFUSE, COUNT, IGNORE or unspecified; REFUSE and COUNT only where the server has an order service",
        choices_above(3),
    ),
    "MinimumCash.amount": Rule(f"0 or more; {NUMBER_FORM}", no_numbers | negative_numbers),
    "MinimumCash.weight": Rule(
        f"{WEIGHT}; {NUMBER_FORM}", st.one_of(no_numbers, negative_numbers, above_one)
    ),
    "Restriction.security_id": ENTITY_ID,
    "Restriction.type": Rule("DO_NOT_BUY, DO_NOT_SELL or HOLD", st.just(0) | choices_above(3)),
    "LotSize.security_id": ENTITY_ID,
    "LotSize.shares": Rule("1 or more", st.just(0) | negative_int64),
    "LotSize.applies_to": Rule("BOTH, BUYS or unspecified", choices_above(2)),
}
