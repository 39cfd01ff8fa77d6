"""The database refuses settings that the domain refuses, and no others."""

from collections.abc import Callable
from copy import deepcopy
from datetime import date
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ordergen_server.domain.desk.portfolio_settings import (
    DoNotTrade,
    PortfolioSettings,
    SettingsContent,
    check_settings,
)
from ordergen_server.domain.rebalances.options import Restriction, RestrictionType
from ordergen_server.domain.rebalances.weight_limits import SecurityLimit
from ordergen_server.domain.requests.violations import Violations
from ordergen_server.repositories.mongodb.codec import Document
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.documents import to_document
from ordergen_server.repositories.settings_store.setting_documents import settings_document
from tests.builders import NOW, portfolio_id, security_id
from tests.integration.repositories.kept_documents import database_accepts, with_fields, without
from tests.integration.repositories.kept_settings import WHOLE

numbers = st.none() | st.sampled_from([Decimal(text) for text in ("0", "-0.01", "0.5", "1.000", "1.01")])
texts = st.sampled_from(["", " \t", "Closed.", "x" * 1024, "x" * 1025, "é" * 512, "é" * 513])
restrictions = st.builds(
    Restriction, st.sampled_from([security_id(1), security_id(2), "x"]), st.sampled_from(RestrictionType)
)
contents = st.builds(
    SettingsContent,
    st.none() | st.builds(DoNotTrade, texts, st.none() | st.just(date(2026, 2, 28))),
    numbers,
    numbers,
    numbers,
    st.lists(restrictions, max_size=3).map(tuple),
    numbers,
    texts,
    st.lists(
        st.builds(
            SecurityLimit,
            st.sampled_from([security_id(1), security_id(2), "x"]),
            numbers.filter(bool),
            numbers,
        ),
        max_size=2,
    ).map(tuple),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(contents)
def test_domain_and_database_agree(migrated: Database, content: SettingsContent) -> None:
    violations = Violations()
    check_settings(content, "settings", violations)
    document = settings_document(PortfolioSettings(portfolio_id(1), content, 1, NOW, NOW))
    assert database_accepts(migrated, "portfolio_settings", document) == (not violations.found)


BROKEN: list[Callable[[Document], None]] = [
    with_fields(_id="short"),
    with_fields(version=0),
    with_fields(version="1"),
    with_fields(do_not_trade={"until": "2026-01-01"}),
    with_fields(do_not_trade={"reason": "Closed.", "until": "tomorrow"}),
    with_fields(minimum_cash_amount="5"),
    with_fields(minimum_cash_weight=0.5),
    with_fields(restrictions=None),
    with_fields(restrictions=[{"security_id": security_id(1), "type": "SELL"}]),
    with_fields(
        restrictions=[to_document(Restriction(security_id(n), RestrictionType.HOLD)) for n in range(251)]
    ),
    with_fields(security_limits=None),
    with_fields(
        security_limits=[{"security_id": security_id(1), "minimum_weight": None, "maximum_weight": None}]
    ),
    with_fields(security_limits=[{"security_id": security_id(1), "minimum_weight": Decimal("0.1")}]),
    with_fields(
        security_limits=[to_document(SecurityLimit(security_id(n), Decimal(0), None)) for n in range(1001)]
    ),
    with_fields(note=None),
    with_fields(create_time="now"),
    with_fields(delete_time=1),
    *map(without, ("restrictions", "note", "version", "create_time", "update_time", "actor")),
]


def test_each_broken_rule_is_refused(migrated: Database) -> None:
    good = settings_document(PortfolioSettings(portfolio_id(1), WHOLE, 1, NOW, NOW))
    assert database_accepts(migrated, "portfolio_settings", good)
    for number, breaking in enumerate(BROKEN):
        broken = deepcopy(good)
        breaking(broken)
        assert not database_accepts(migrated, "portfolio_settings", broken), number
