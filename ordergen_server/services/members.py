"""Which portfolios of a model a run is over, and the money that comes to them or goes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

from ordergen_server.domain.models import Model, check_flows, check_members
from ordergen_server.domain.requests.violations import Violations

#: Of runs in which no money comes or goes.
NO_FLOWS: Mapping[str, Decimal] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Members:
    """Portfolios of a run, each once.

    Attributes:
        portfolio_ids: in the order in which they are handed out.
        cash_flows: money that comes (above 0) or is paid out (below 0), by portfolio id.
    """

    portfolio_ids: Sequence[str]
    cash_flows: Mapping[str, Decimal] = field(default_factory=dict)

    def is_part(self, model: Model) -> bool:
        """Whether these are not all of a model's."""
        return len(self.portfolio_ids) < len(model.portfolio_ids)


def chosen(model: Model, asked: Members) -> Members:
    """The portfolios that were asked for, or all where none were, and their cash flows but for those of 0.

    Raises:
        InvalidArgument: one is none of the model's, or a cash flow is of none of them.
    """
    portfolio_ids = asked.portfolio_ids or model.portfolio_ids
    with Violations() as violations:
        if asked.portfolio_ids:
            check_members(portfolio_ids, model, "portfolio_ids", violations)
        check_flows(asked.cash_flows, portfolio_ids, violations)
    return Members(portfolio_ids, {key: amount for key, amount in asked.cash_flows.items() if amount})
