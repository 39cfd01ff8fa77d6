"""The securities of a run: what its model wants of each, and its quote, made once for all portfolios."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

import optimizer
from ordergen_server.domain.errors import DataProblem
from ordergen_server.domain.market import MarketSnapshot, Quote, check_age
from ordergen_server.domain.models import Position
from ordergen_server.domain.numbers import ZERO
from ordergen_server.domain.rebalances import RunSecurity


@dataclass(frozen=True, slots=True)
class Security:
    """A security with its weights, which are 0 outside the model.

    Attributes:
        unheld: the security as the optimizer has it, where nothing of it is held.
        line: the security as lines of results have it.
    """

    position: Position
    quote: Quote
    unheld: optimizer.Position
    line: RunSecurity


class Securities:
    """All securities of a run; one that its model does not have is made when a portfolio first holds it.

    But for `snapshot`, not for several threads at once.

    Args:
        positions: of the model.
        snapshot: the market.
        oldest: the day of which prices must be at least; None where any will do.

    Attributes:
        snapshot: the market of the run.
    """

    def __init__(
        self, positions: Sequence[Position], snapshot: MarketSnapshot, oldest: date | None = None
    ) -> None:
        self.snapshot = snapshot
        self._oldest = oldest
        self._wanted = {position.security_id: position for position in positions}
        self._made: dict[str, Security] = {}
        self.model_ids = tuple(sorted(self._wanted))

    @property
    def time(self) -> datetime:
        """When the prices were read, UTC."""
        return self.snapshot.time

    def add(self, quotes: Mapping[str, Quote | DataProblem]) -> None:
        """Take in quotes of securities that the market did not have; one that it has stays as it is."""
        if quotes:
            self.snapshot = replace(self.snapshot, quotes={**quotes, **self.snapshot.quotes})

    def lines(self, quantities: Mapping[str, Decimal]) -> list[tuple[Security, Decimal]]:
        """Every security held or in the model with its quantity, by security id.

        Raises:
            DataProblem: a security or its price is missing, bad, or too old.
        """
        outside = [one for one, quantity in quantities.items() if quantity and one not in self._wanted]
        ids = sorted([*self.model_ids, *outside]) if outside else self.model_ids
        return [(self._security(one), quantities.get(one, ZERO)) for one in ids]

    def _security(self, security_id: str) -> Security:
        made = self._made.get(security_id)
        if made is None:
            made = self._made[security_id] = self._make(security_id)
        return made

    def _make(self, security_id: str) -> Security:
        quote = self.snapshot.quote(security_id)
        check_age(security_id, quote, self._oldest)
        position = self._wanted.get(security_id) or Position(security_id, ZERO, ZERO, ZERO)
        weights = (position.target, position.low_drift, position.high_drift)
        unheld = optimizer.Position(security_id, quote.price, ZERO, *weights)
        line = RunSecurity(security_id, quote.ticker, quote.price, *weights, quote.price_date)
        return Security(position, quote, unheld, line)
