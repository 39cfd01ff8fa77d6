"""Every field of every request: its rule, the values that break it, and the test that holds it.

`python -m tests.e2e.request_fields` writes docs/requests.md from this table.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from globeco.ordergen.v1 import (
    diagnostics_service_pb2,
    model_service_pb2,
    rebalance_service_pb2,
    reference_service_pb2,
)
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from hypothesis import strategies as st

from tests.e2e.request_values import (
    Entries,
    above_one,
    choices_above,
    entity_ids,
    long_texts,
    negative_int32,
    negative_int64,
    negative_numbers,
    no_dates,
    no_numbers,
    no_targets,
    no_uuids,
    object_ids,
    texts_but,
    too_many,
)

PAGE = Path(__file__).parents[2] / "docs" / "requests.md"
SERVICES = (
    model_service_pb2.DESCRIPTOR.services_by_name["ModelService"],
    rebalance_service_pb2.DESCRIPTOR.services_by_name["RebalanceService"],
    reference_service_pb2.DESCRIPTOR.services_by_name["ReferenceService"],
    diagnostics_service_pb2.DESCRIPTOR.services_by_name["DiagnosticsService"],
)
#: What is one value to us, though it is a message.
VALUES = (
    *("google.type.Decimal", "google.type.Date"),
    *("google.protobuf.Duration", "google.protobuf.Timestamp"),
)

GENERATED = "e2e/test_request_fields.py::test_no_request_that_breaks_one_rule_is_taken"
IGNORED = "e2e/test_request_fields.py::test_what_the_server_gives_is_not_taken_from_a_caller"
EDGES = "e2e/test_request_edges.py::test_what_lies_on_the_edge_of_a_rule_is_taken"
ABSENT = "e2e/test_request_fields.py::test_what_must_be_there_is_told_by_its_own_required_fields"
_OF_SETTINGS = "e2e/test_portfolio_settings.py"
_GIVEN = "test_what_the_server_gives_is_not_taken_from_a_caller"

INTRODUCTION = """\
# Fields of requests

What every field of every request must be. Where a rule is broken the answer is INVALID_ARGUMENT with the path
of each broken field, and nothing is done. A string has at most 1,024 bytes. The table is made by
`python -m tests.e2e.request_fields`; a test walks it, and fails where a field has no row.

| field | rule | test |
|---|---|---|"""


@dataclass(frozen=True)
class Rule:
    """The rule of a field.

    Attributes:
        text: the rule, as documentation has it.
        broken: values that break it; None where every value keeps it.
        test: the test that holds it.
    """

    text: str
    broken: "st.SearchStrategy[object] | None"
    test: str = GENERATED


_WEIGHT = "from 0 to 1"
_NUMBER_FORM = "a decimal number of at most 34 digits, and 40 places on each side of the point"
_IGNORED = Rule("given by the server; what a caller says of it is ignored", None, IGNORED)
_ANY = Rule("true or false", None, EDGES)
_VERSION = Rule("the version that was read, or 0: not negative", negative_int64)
_REQUIRED_VERSION = Rule("the version that was read: 1 or more", st.just(0) | negative_int64)
_OBJECT_ID = Rule("24 lower-case hexadecimal characters", st.just("") | object_ids)
_ENTITY_ID = Rule("exactly 24 alphanumeric characters", entity_ids)
_ENTITY_IDS = Rule("exactly 24 alphanumeric characters each, at most 100,000", entity_ids | too_many(100_000))
_REQUEST_ID = Rule("a UUID of version 4, or empty", no_uuids.filter(bool))
_SIZE = Rule("0 or more; 0 is 50, more than 1,000 is 1,000", negative_int32)
_SKIP = Rule("0 or more", negative_int32)
_TOKEN = Rule("the next_page_token of a call with the same arguments, or empty", no_uuids.filter(bool))

#: By the name of the field in its message, or below its request where a request has a rule of its own.
RULES: dict[str, Rule] = {
    "Model.model_id": _IGNORED,
    "Model.name": Rule(
        "1 to 255 characters, not blank, unique",
        st.one_of(
            st.sampled_from(["", " ", "\t\n"]), st.integers(256, 1024).map(lambda n: "x" * n), long_texts
        ),
    ),
    "Model.positions": Rule("at most 100, their targets at most 0.95 together", too_many(100)),
    "Model.portfolio_ids": Rule(
        "exactly 24 alphanumeric characters each, once, at most 100,000", _ENTITY_IDS.broken
    ),
    "Model.last_rebalance_time": _IGNORED,
    "Model.version": _IGNORED,
    "Model.create_time": _IGNORED,
    "Model.update_time": _IGNORED,
    "Model.update_actor": _IGNORED,
    "Position.security_id": _ENTITY_ID,
    "Position.target": Rule(
        f"0, or a multiple of 0.005 up to 0.95; {_NUMBER_FORM}",
        st.one_of(st.just(""), no_numbers, negative_numbers, above_one, no_targets),
    ),
    "Position.high_drift": Rule(f"{_WEIGHT}, not below low_drift; {_NUMBER_FORM}", no_numbers | above_one),
    "Position.low_drift": Rule(
        f"{_WEIGHT}, not above high_drift; {_NUMBER_FORM}", st.one_of(no_numbers, negative_numbers, above_one)
    ),
    "CreateModelRequest.model": Rule("must be there: its name must not be blank", None, ABSENT),
    "CreateModelRequest.request_id": _REQUEST_ID,
    "GetModelRequest.model_id": _OBJECT_ID,
    "ListModelsRequest.page_size": _SIZE,
    "ListModelsRequest.page_token": _TOKEN,
    "ListModelsRequest.skip": _SKIP,
    "ListModelsRequest.order_by": Rule(
        "model_id, name, last_rebalance_time, each once, optionally with ` desc`; at most 32 terms",
        st.one_of(
            st.sampled_from(
                ["version", "name asc", "name,name", "name,-name", "+", "name desc desc", "NAME"]
            ),
            st.integers(33, 200).map(lambda count: ", " * count + "name,model_id"),
            long_texts,
        ),
    ),
    "ListModelsRequest.portfolio_id": Rule(
        "exactly 24 alphanumeric characters, or empty", entity_ids.filter(bool)
    ),
    "UpdateModelRequest.model": Rule("must be there: its model_id and version are required", None, ABSENT),
    "UpdateModelRequest.model.model_id": _OBJECT_ID,
    "UpdateModelRequest.model.version": _REQUIRED_VERSION,
    "UpdateModelRequest.update_mask": Rule("empty, or see its paths", None, EDGES),
    "FieldMask.paths": Rule(
        "any of name, positions, portfolio_ids; or `*` alone",
        texts_but(r"name|positions|portfolio_ids|\*", "version", "model_id", "Name") | too_many(32),
    ),
    "DeleteModelRequest.model_id": _OBJECT_ID,
    "DeleteModelRequest.version": _REQUIRED_VERSION,
    "RemovePositionRequest.position.target": Rule(f"empty, or what is stored; {_NUMBER_FORM}", no_numbers),
    "RemovePositionRequest.position.high_drift": Rule(
        f"empty, or what is stored; {_NUMBER_FORM}", no_numbers
    ),
    "RemovePositionRequest.position.low_drift": Rule(f"empty, or what is stored; {_NUMBER_FORM}", no_numbers),
    **{
        f"{name}Request.{field}": rule
        for name in ("AddPosition", "UpdatePosition", "RemovePosition", "AddPortfolios", "RemovePortfolios")
        for field, rule in (("model_id", _OBJECT_ID), ("version", _VERSION))
    },
    **{
        f"{name}PositionRequest.position": Rule("must be there: its security_id is required", None, ABSENT)
        for name in ("Add", "Update", "Remove")
    },
    **{
        f"{name}PortfoliosRequest.portfolio_ids": Rule(
            "at least one and at most 100,000, exactly 24 alphanumeric characters each",
            st.just(Entries(0)) | entity_ids | too_many(100_000),
        )
        for name in ("Add", "Remove")
    },
    "RebalancePortfolioRequest.portfolio_id": _ENTITY_ID,
    "RebalanceModelRequest.model_id": _OBJECT_ID,
    "StartRebalanceRequest.model_id": _OBJECT_ID,
    **{
        f"{name}Request.{field}": rule
        for name in ("RebalancePortfolio", "RebalanceModel", "StartRebalance")
        for field, rule in (
            ("options", Rule("may be absent; a field that the server does not know is refused", None, EDGES)),
            ("validate_only", _ANY),
            ("request_id", _REQUEST_ID),
        )
        if (name, field) != ("StartRebalance", "validate_only")
    },
    **{
        f"{name}Request.portfolio_ids": Rule(
            "portfolios of the model, exactly 24 alphanumeric characters each, once, at most 100,000;"
            " empty is all of the model's",
            _ENTITY_IDS.broken,
        )
        for name in ("RebalanceModel", "StartRebalance")
    },
    "RebalancePortfolioRequest.cash_flow": Rule(
        f"0 is none; market value plus this above 0; {_NUMBER_FORM}", no_numbers
    ),
    **{
        f"{name}Request.cash_flows": Rule(
            "at most 10,000, each portfolio once", too_many(10_000) | st.just(Entries(2))
        )
        for name in ("RebalanceModel", "StartRebalance")
    },
    "CashFlow.portfolio_id": Rule("a portfolio of the run, exactly 24 alphanumeric characters", entity_ids),
    "CashFlow.amount": Rule(
        f"must be there, 0 is none; market value plus this above 0; {_NUMBER_FORM}",
        st.just("") | no_numbers,
    ),
    "RebalanceModelRequest.draft_positions": Rule(
        "with validate_only alone; at most 100, each security once, their targets at most 0.95 together;"
        " empty is no draft",
        too_many(100) | st.just(Entries(2)),
    ),
    "RebalanceOptions.strategy": Rule("TO_TARGET, TO_BAND or unspecified", choices_above(2)),
    "RebalanceOptions.minimum_cash": Rule("may be absent, and excludes allow_overdraft", None, EDGES),
    "RebalanceOptions.allow_overdraft": _ANY,
    "RebalanceOptions.solver_timeout": Rule(
        "above 0 and at most 3,600 seconds",
        st.tuples(st.integers(-(2**63), 0) | st.integers(3601, 2**63 - 1), st.just(0))
        | st.tuples(st.integers(1, 3599), st.integers(-(2**31), -1) | st.integers(10**9, 2**31 - 1)),
    ),
    "RebalanceOptions.minimum_trade_value": Rule(f"0 or more; {_NUMBER_FORM}", no_numbers | negative_numbers),
    "RebalanceOptions.restrictions": Rule(
        "at most 1,000, each security once", too_many(1000) | st.just(Entries(2))
    ),
    "RebalanceOptions.lot_sizes": Rule(
        "at most 1,000, each security once", too_many(1000) | st.just(Entries(2))
    ),
    "RebalanceOptions.maximum_turnover_weight": Rule(
        f"0 or more; {_NUMBER_FORM}", no_numbers | negative_numbers
    ),
    "RebalanceOptions.maximum_trade_count": Rule("0 or more", negative_int32),
    "RebalanceOptions.sides": Rule("BUY_AND_SELL, BUY_ONLY, SELL_ONLY or unspecified", choices_above(3)),
    "RebalanceOptions.unpriced": Rule("FAIL, FREEZE or unspecified", choices_above(2)),
    "RebalanceOptions.costs": Rule("may be absent: no costs", None, EDGES),
    "TradingCosts.rate_weight": Rule(
        f"0 or more, and below 1; {_NUMBER_FORM}",
        st.one_of(no_numbers, negative_numbers, above_one, st.just("1")),
    ),
    "TradingCosts.per_trade_amount": Rule(f"0 or more; {_NUMBER_FORM}", no_numbers | negative_numbers),
    "RebalanceOptions.maximum_price_age_days": Rule(
        "from 0 to 3,650; absent is what the server is configured with",
        negative_int32 | st.integers(3651, 2**31 - 1),
    ),
    "RebalanceOptions.security_limits": Rule(
        "at most 1,000, each security once", too_many(1000) | st.just(Entries(2))
    ),
    "RebalanceOptions.group_limits": Rule("at most 100, each name once", too_many(100)),
    "SecurityLimit.security_id": _ENTITY_ID,
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
            f"{_WEIGHT}, {more}; {_NUMBER_FORM}", st.one_of(no_numbers, negative_numbers, above_one)
        )
        for name in ("SecurityLimit", "GroupLimit")
        for side, more in (
            ("minimum_weight", "not above maximum_weight"),
            ("maximum_weight", "and one of the two must be there"),
        )
    },
    "MinimumCash.amount": Rule(f"0 or more; {_NUMBER_FORM}", no_numbers | negative_numbers),
    "MinimumCash.weight": Rule(
        f"{_WEIGHT}; {_NUMBER_FORM}", st.one_of(no_numbers, negative_numbers, above_one)
    ),
    "Restriction.security_id": _ENTITY_ID,
    "Restriction.type": Rule("DO_NOT_BUY, DO_NOT_SELL or HOLD", st.just(0) | choices_above(3)),
    "LotSize.security_id": _ENTITY_ID,
    "LotSize.shares": Rule("1 or more", st.just(0) | negative_int64),
    "LotSize.applies_to": Rule("BOTH, BUYS or unspecified", choices_above(2)),
    **{
        f"{name}Request.view": Rule("BASIC, FULL or unspecified", choices_above(2))
        for name in ("RebalanceModel", "WatchRebalance", "GetPortfolioRebalance")
    },
    "WatchRebalanceRequest.after_sequence": Rule(
        "from 0 to the last message of the run: portfolio_count + 2", negative_int64
    ),
    **{
        f"{name}Request.rebalance_id": _OBJECT_ID
        for name in (
            "WatchRebalance",
            "CancelRebalance",
            "GetRebalance",
            "ListPortfolioRebalances",
            "GetPortfolioRebalance",
            "DeleteRebalance",
        )
    },
    "ListRebalancesRequest.page_size": _SIZE,
    "ListRebalancesRequest.page_token": _TOKEN,
    "ListRebalancesRequest.skip": _SKIP,
    "ListRebalancesRequest.model_id": Rule(
        "24 lower-case hexadecimal characters, or empty", object_ids.filter(bool)
    ),
    "ListRebalancesRequest.portfolio_ids": _ENTITY_IDS,
    "ListPortfolioRebalancesRequest.page_size": _SIZE,
    "ListPortfolioRebalancesRequest.page_token": _TOKEN,
    "ListPortfolioRebalancesRequest.state": Rule(
        "a PortfolioRebalanceState, or unspecified", choices_above(5)
    ),
    "GetPortfolioRebalanceRequest.portfolio_id": _ENTITY_ID,
    "DeleteRebalanceRequest.version": _REQUIRED_VERSION,
    "CheckDriftRequest.model_id": Rule(
        "24 lower-case hexadecimal characters, or empty", object_ids.filter(bool)
    ),
    "RebalancePortfolioRequest.explain_rules": _ANY,
    "CompareOptionsRequest.portfolio_id": _ENTITY_ID,
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
    "GetPortfolioSettingsRequest.portfolio_id": _ENTITY_ID,
    "ListPortfolioSettingsRequest.page_size": _SIZE,
    "ListPortfolioSettingsRequest.page_token": _TOKEN,
    "ListPortfolioSettingsRequest.skip": _SKIP,
    "DeletePortfolioSettingsRequest.portfolio_id": _ENTITY_ID,
    "DeletePortfolioSettingsRequest.version": _REQUIRED_VERSION,
    "UpdatePortfolioSettingsRequest.portfolio_settings": Rule(
        "must be there: its portfolio_id is required; a field that the server does not know is refused",
        None,
        f"{_OF_SETTINGS}::test_a_setting_of_a_newer_contract_is_not_passed_over",
    ),
    "UpdatePortfolioSettingsRequest.update_mask": Rule(
        "empty, or see its paths", None, f"{_OF_SETTINGS}::test_an_empty_mask_replaces_everything"
    ),
    "UpdatePortfolioSettingsRequest.update_mask.paths": Rule(
        "any of do_not_trade, minimum_cash, minimum_trade_value, restrictions, maximum_turnover_weight, note;"
        " or `*` alone",
        texts_but(
            r"do_not_trade|minimum_cash|minimum_trade_value|restrictions|maximum_turnover_weight|note|\*",
            "version",
            "minimum_cash.amount",
            "Note",
        )
        | too_many(32),
    ),
    "PortfolioSettings.portfolio_id": _ENTITY_ID,
    "PortfolioSettings.do_not_trade": Rule(
        "absent: it may be traded", None, f"{_OF_SETTINGS}::test_an_empty_mask_replaces_everything"
    ),
    "PortfolioSettings.minimum_cash": Rule(
        "may be absent", None, f"{_OF_SETTINGS}::test_an_empty_mask_replaces_everything"
    ),
    "PortfolioSettings.minimum_trade_value": Rule(
        f"0 or more; {_NUMBER_FORM}", no_numbers | negative_numbers
    ),
    "PortfolioSettings.restrictions": Rule(
        "at most 250, each security once", too_many(250) | st.just(Entries(2))
    ),
    "PortfolioSettings.maximum_turnover_weight": Rule(
        f"0 or more; {_NUMBER_FORM}", no_numbers | negative_numbers
    ),
    "PortfolioSettings.note": Rule("at most 1,024 bytes", long_texts),
    "PortfolioSettings.version": Rule(
        "the version that was read, 0 where there are no settings: not negative", negative_int64
    ),
    **{
        f"PortfolioSettings.{name}": Rule(_IGNORED.text, None, f"{_OF_SETTINGS}::{_GIVEN}")
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


@dataclass(frozen=True)
class Field:
    """A field of a request, by its path below it."""

    method: MethodDescriptor
    path: str
    descriptor: FieldDescriptor

    @property
    def rule(self) -> Rule:
        """Its rule; a test fails where it has none."""
        own = f"{self.method.input_type.name}.{self.path.replace('[]', '')}"
        owner = self.descriptor.containing_type
        assert owner
        return RULES[own] if own in RULES else RULES[f"{owner.name}.{self.descriptor.name}"]

    @property
    def name(self) -> str:
        """The path below its RPC."""
        return f"{self.method.name} {self.path}"


def all_fields() -> Iterator[Field]:
    """Every field of every request of the contract."""
    for service in SERVICES:
        for method in service.methods:
            yield from _fields(method, method.input_type, "")


def _fields(method: MethodDescriptor, message: Descriptor, above: str) -> Iterator[Field]:
    for field in message.fields:
        path = f"{above}{field.name}{'[]' if field.is_repeated else ''}"
        yield Field(method, path, field)
        if field.message_type and field.message_type.full_name not in VALUES:
            yield from _fields(method, field.message_type, f"{path}.")


def page() -> str:
    """The table, for people."""
    rows = [f"| `{one.name}` | {one.rule.text} | `{one.rule.test}` |" for one in all_fields()]
    return "\n".join([INTRODUCTION, *rows, ""])


if __name__ == "__main__":
    PAGE.write_text(page())
