"""The rules of what a desk decides: settings of portfolios, drift, comparisons, names."""

from hypothesis import strategies as st

from tests.e2e.request_rules.rule import (
    ANY,
    EDGES,
    ENTITY_ID,
    GIVEN_BY_SERVER,
    NUMBER_FORM,
    REQUIRED_VERSION,
    SIZE,
    SKIP,
    TOKEN,
    Rule,
)
from tests.e2e.request_values import (
    Entries,
    long_texts,
    negative_int32,
    negative_int64,
    negative_numbers,
    no_dates,
    no_numbers,
    object_ids,
    texts_but,
    too_many,
)

_OF_SETTINGS = "e2e/test_portfolio_settings.py"
_GIVEN = "test_what_the_server_gives_is_not_taken_from_a_caller"

RULES: dict[str, Rule] = {
    "CheckDriftRequest.model_id": Rule(
        "24 lower-case hexadecimal characters, or empty", object_ids.filter(bool)
    ),
    "RebalancePortfolioRequest.explain_rules": ANY,
    "CompareOptionsRequest.portfolio_id": ENTITY_ID,
    "CompareOptionsRequest.model_id": Rule(
        "24 lower-case hexadecimal characters; this, or portfolio_id", object_ids
    ),
    "CompareOptionsRequest.variants": Rule(
        "2 to 10, each name once; with frontier_points 1 to 10",
        too_many(10) | st.just(Entries(0)) | st.just(Entries(1)),
    ),
    "CompareOptionsRequest.frontier_points": Rule(
        "0, or 2 to 20", st.just(1) | st.integers(21, 2**31 - 1) | negative_int32
    ),
    "OptionsVariant.name": Rule(
        "1 to 64 characters, not all blank, in the request once; with frontier_points not beginning with"
        " `frontier-`",
        st.one_of(
            st.sampled_from(["", " ", "\t\u2003"]),
            st.integers(65, 1024).map(lambda length: "x" * length),
            long_texts,
        ),
    ),
    "OptionsVariant.options": Rule(
        "may be absent; a field that the server does not know is refused", None, EDGES
    ),
    "OptionsVariant.draft_positions": Rule(
        "at most 100, each security once, their targets at most 0.95 together; empty are the model's own",
        too_many(100) | st.just(Entries(2)),
    ),
    "GetPortfolioSettingsRequest.portfolio_id": ENTITY_ID,
    "ListPortfolioSettingsRequest.page_size": SIZE,
    "ListPortfolioSettingsRequest.page_token": TOKEN,
    "ListPortfolioSettingsRequest.skip": SKIP,
    "DeletePortfolioSettingsRequest.portfolio_id": ENTITY_ID,
    "DeletePortfolioSettingsRequest.version": REQUIRED_VERSION,
    "UpdatePortfolioSettingsRequest.portfolio_settings": Rule(
        "must be there: its portfolio_id is required; a field that the server does not know is refused",
        None,
        f"{_OF_SETTINGS}::test_a_setting_of_a_newer_contract_is_not_passed_over",
    ),
    "UpdatePortfolioSettingsRequest.update_mask": Rule(
        "empty, or see its paths", None, f"{_OF_SETTINGS}::test_an_empty_mask_replaces_everything"
    ),
    "UpdatePortfolioSettingsRequest.update_mask.paths": Rule(
        "any of do_not_trade, minimum_cash, minimum_trade_value, restrictions, maximum_turnover_weight,"
        " security_limits, note; or `*` alone",
        texts_but(
            r"do_not_trade|minimum_cash|minimum_trade_value|restrictions|maximum_turnover_weight"
            r"|security_limits|note|\*",
            "version",
            "minimum_cash.amount",
            "Note",
        )
        | too_many(32),
    ),
    "PortfolioSettings.portfolio_id": ENTITY_ID,
    "PortfolioSettings.do_not_trade": Rule(
        "absent: it may be traded", None, f"{_OF_SETTINGS}::test_an_empty_mask_replaces_everything"
    ),
    "PortfolioSettings.minimum_cash": Rule(
        "may be absent", None, f"{_OF_SETTINGS}::test_an_empty_mask_replaces_everything"
    ),
    "PortfolioSettings.minimum_trade_value": Rule(f"0 or more; {NUMBER_FORM}", no_numbers | negative_numbers),
    "PortfolioSettings.restrictions": Rule(
        "at most 250, each security once", too_many(250) | st.just(Entries(2))
    ),
    "PortfolioSettings.security_limits": Rule(
        "at most 1,000, each security once", too_many(1000) | st.just(Entries(2))
    ),
    "PortfolioSettings.maximum_turnover_weight": Rule(
        f"0 or more; {NUMBER_FORM}", no_numbers | negative_numbers
    ),
    "PortfolioSettings.note": Rule("at most 1,024 bytes", long_texts),
    "PortfolioSettings.version": Rule(
        "the version that was read, 0 where there are no settings: not negative", negative_int64
    ),
    **{
        f"PortfolioSettings.{name}": Rule(GIVEN_BY_SERVER.text, None, f"{_OF_SETTINGS}::{_GIVEN}")
        for name in ("create_time", "update_time", "actor")
    },
    "DoNotTrade.reason": Rule(
        "not blank, at most 1,024 bytes", st.sampled_from(["", " ", "\t\n"]) | long_texts
    ),
    "DoNotTrade.until": Rule("a day of the calendar, its year from 1 to 9999; or absent", no_dates),
    "CheckDriftRequest.page_size": Rule("0 or more; 0 is 500, more than 1,000 is 1,000", negative_int32),
    **{
        f"{name}Request.{field}": Rule(
            "at least one and at most 1,000, 1 to 64 characters each",
            st.one_of(
                st.just(Entries(0)),
                st.just(""),
                st.integers(65, 1024).map(lambda length: "x" * length),
                long_texts,
                too_many(1000),
            ),
        )
        for name, field in (("ResolveSecurities", "securities"), ("ResolvePortfolios", "portfolios"))
    },
}
