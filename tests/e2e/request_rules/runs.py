"""The rules of runs."""

from hypothesis import strategies as st

from tests.e2e.request_rules.rule import (
    ANY,
    EDGES,
    ENTITY_ID,
    ENTITY_IDS,
    NUMBER_FORM,
    OBJECT_ID,
    REQUEST_ID,
    REQUIRED_VERSION,
    SIZE,
    SKIP,
    TOKEN,
    Rule,
)
from tests.e2e.request_values import (
    Entries,
    choices_above,
    entity_ids,
    negative_int64,
    no_numbers,
    object_ids,
    too_many,
)

RULES: dict[str, Rule] = {
    "RebalancePortfolioRequest.portfolio_id": ENTITY_ID,
    "RebalanceModelRequest.model_id": OBJECT_ID,
    "StartRebalanceRequest.model_id": OBJECT_ID,
    **{
        f"{name}Request.{field}": rule
        for name in ("RebalancePortfolio", "RebalanceModel", "StartRebalance")
        for field, rule in (
            ("options", Rule("may be absent; a field that the server does not know is refused", None, EDGES)),
            ("validate_only", ANY),
            ("request_id", REQUEST_ID),
        )
        if (name, field) != ("StartRebalance", "validate_only")
    },
    **{
        f"{name}Request.portfolio_ids": Rule(
            "portfolios of the model, exactly 24 alphanumeric characters each, once, at most 100,000;"
            " empty is all of the model's",
            ENTITY_IDS.broken,
        )
        for name in ("RebalanceModel", "StartRebalance")
    },
    "RebalancePortfolioRequest.cash_flow": Rule(
        f"0 is none; market value plus this above 0; {NUMBER_FORM}", no_numbers
    ),
    **{
        f"{name}Request.cash_flows": Rule(
            "at most 10,000, each portfolio once", too_many(10_000) | st.just(Entries(2))
        )
        for name in ("RebalanceModel", "StartRebalance")
    },
    "CashFlow.portfolio_id": Rule("a portfolio of the run, exactly 24 alphanumeric characters", entity_ids),
    "CashFlow.amount": Rule(
        f"must be there, 0 is none; market value plus this above 0; {NUMBER_FORM}",
        st.just("") | no_numbers,
    ),
    "RebalanceModelRequest.draft_positions": Rule(
        "with validate_only alone; at most 100, each security once, their targets at most 0.95 together;"
        " empty is no draft",
        too_many(100) | st.just(Entries(2)),
    ),
    **{
        f"{name}Request.view": Rule("BASIC, FULL or unspecified", choices_above(2))
        for name in ("RebalanceModel", "WatchRebalance", "GetPortfolioRebalance")
    },
    "WatchRebalanceRequest.after_sequence": Rule(
        "from 0 to the last message of the run: portfolio_count + 2", negative_int64
    ),
    **{
        f"{name}Request.rebalance_id": OBJECT_ID
        for name in (
            "WatchRebalance",
            "CancelRebalance",
            "GetRebalance",
            "ListPortfolioRebalances",
            "GetPortfolioRebalance",
            "DeleteRebalance",
            "ReviewRebalance",
            "ListRebalanceEvents",
            "AggregateOrders",
            "AllocateFill",
            "SubmitOrders",
            "ListOrders",
            "ReconcileOrders",
        )
    },
    "ListRebalancesRequest.page_size": SIZE,
    "ListRebalancesRequest.page_token": TOKEN,
    "ListRebalancesRequest.skip": SKIP,
    "ListRebalancesRequest.model_id": Rule(
        "24 lower-case hexadecimal characters, or empty", object_ids.filter(bool)
    ),
    "ListRebalancesRequest.portfolio_ids": ENTITY_IDS,
    "ListPortfolioRebalancesRequest.page_size": SIZE,
    "ListPortfolioRebalancesRequest.page_token": TOKEN,
    "ListPortfolioRebalancesRequest.state": Rule(
        "a PortfolioRebalanceState, or unspecified", choices_above(5)
    ),
    "GetPortfolioRebalanceRequest.portfolio_id": ENTITY_ID,
    "DeleteRebalanceRequest.version": REQUIRED_VERSION,
}
