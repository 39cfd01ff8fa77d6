"""The rules of reviews and orders of runs."""

from hypothesis import strategies as st

from tests.e2e.request_rules.rule import ANY, ENTITY_ID, NUMBER_FORM, OBJECT_ID, REQUEST_ID, SIZE, TOKEN, Rule
from tests.e2e.request_values import (
    choices_above,
    entity_ids,
    negative_int64,
    negative_numbers,
    no_numbers,
    too_many,
)

RULES: dict[str, Rule] = {
    "SubmitOrdersRequest.portfolio_ids": Rule(
        "portfolios of the run that propose trades, exactly 24 alphanumeric characters each, once, at most"
        " 10,000; empty is all that are approved and were not submitted",
        entity_ids | too_many(10_000),
    ),
    "SubmitOrdersRequest.sells_first": ANY,
    "SubmitOrdersRequest.request_id": REQUEST_ID,
    **{f"{name}OrderSubmissionRequest.submission_id": OBJECT_ID for name in ("Get", "Watch", "Cancel")},
    "WatchOrderSubmissionRequest.after_sequence": Rule(
        "from 0 to the last message of the submission so far", negative_int64
    ),
    "ListOrdersRequest.portfolio_id": Rule(
        "exactly 24 alphanumeric characters, or empty", entity_ids.filter(bool)
    ),
    "ListOrdersRequest.state": Rule("an OrderState, or unspecified", choices_above(5)),
    "ListOrdersRequest.page_size": SIZE,
    "ListOrdersRequest.page_token": TOKEN,
    "ReviewRebalanceRequest.portfolio_ids": Rule(
        "portfolios of the run that propose trades, exactly 24 alphanumeric characters each, once, at most"
        " 10,000; empty is all that are pending",
        entity_ids | too_many(10_000),
    ),
    "ReviewRebalanceRequest.decision": Rule("APPROVED or REJECTED", st.just(0) | choices_above(2)),
    "ReviewRebalanceRequest.comment": Rule(
        "at most 4,096 bytes", st.integers(4097, 9000).map(lambda length: "x" * length)
    ),
    "ListRebalanceEventsRequest.page_size": SIZE,
    "ListRebalanceEventsRequest.page_token": TOKEN,
    "AllocateFillRequest.security_id": ENTITY_ID,
    "AllocateFillRequest.transaction_type": Rule("BUY or SELL", st.just(0) | choices_above(2)),
    "AllocateFillRequest.filled_quantity": Rule(
        f"must be there: a whole number, 0 or more, at most what the block has; {NUMBER_FORM}",
        st.one_of(st.sampled_from(["", "0.5", "1e-3"]), no_numbers, negative_numbers),
    ),
}
