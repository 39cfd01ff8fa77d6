"""The securities of a run: what its model wants of each, and its quote, made once for all portfolios."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal, localcontext
from functools import cached_property

import optimizer
from ordergen_server.domain.errors import StalePrice
from ordergen_server.domain.market import MarketSnapshot, NoPrice, Quote, Quoted, check_age
from ordergen_server.domain.models import Position
from ordergen_server.domain.numbers import EXACT, ZERO
from ordergen_server.domain.rebalances.frozen import FrozenPosition, FrozenSecurity, PriceProblem
from ordergen_server.domain.rebalances.lines import RunSecurity
from ordergen_server.domain.rebalances.runs import Rebalance


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


class Listing:
    """What a portfolio holds or its model lists, by security id: most portfolios of a model have the same.

    Args:
        made: by security id.

    Attributes:
        priced: those that have a price.
        frozen: the others.
        prices, targets: of those that have a price.
    """

    def __init__(self, made: Sequence[Security | FrozenSecurity]) -> None:
        self.priced = [one for one in made if isinstance(one, Security)]
        self.frozen = [one for one in made if isinstance(one, FrozenSecurity)]
        self.prices = [one.quote.price for one in self.priced]
        self.targets = [one.position.target for one in self.priced]
        self._ids = [one.position.security_id for one in self.priced]

    def held(self, quantities: Mapping[str, Decimal]) -> list[Decimal]:
        """How much a portfolio holds of each that has a price."""
        return [quantities.get(one, ZERO) for one in self._ids]

    def held_frozen(self, quantities: Mapping[str, Decimal]) -> tuple[FrozenPosition, ...]:
        """How much a portfolio holds of each that has none."""
        return tuple(FrozenPosition(one, quantities.get(one.security_id, ZERO)) for one in self.frozen)

    @cached_property
    def bands(self) -> Sequence[tuple[Decimal, Decimal]]:
        """The least and the greatest weight of each that has a price; both 0 outside the model."""
        with localcontext(EXACT):
            positions = [one.position for one in self.priced]
            return [(one.target - one.low_drift, one.target + one.high_drift) for one in positions]


class Securities:
    """All securities of a run; one that its model does not have is made when a portfolio first holds it.

    But for `snapshot`, not for several threads at once.

    Args:
        positions: of the model.
        snapshot: the market.
        oldest: the day of which prices must be at least; None where any will do.
        freezes: whether securities without a usable price are frozen; otherwise they are problems.

    Attributes:
        snapshot: the market of the run.
    """

    def __init__(
        self,
        positions: Sequence[Position],
        snapshot: MarketSnapshot,
        oldest: date | None = None,
        *,
        freezes: bool = False,
    ) -> None:
        self.snapshot = snapshot
        self._oldest = oldest
        self._freezes = freezes
        self._wanted = {position.security_id: position for position in positions}
        self._made: dict[str, Security | FrozenSecurity] = {}

    @classmethod
    def of_run(
        cls, rebalance: Rebalance, positions: Sequence[Position], snapshot: MarketSnapshot
    ) -> "Securities":
        """Those of a run, by its options."""
        return cls(positions, snapshot, rebalance.oldest_price_date, freezes=rebalance.freezes)

    @cached_property
    def model_size(self) -> int:
        """How many securities the model lists that have a price. Raises DataProblem."""
        return len(self._of_model.priced)

    @property
    def time(self) -> datetime:
        """When the prices were read, UTC."""
        return self.snapshot.time

    def add(self, quotes: Mapping[str, Quoted]) -> None:
        """Take in quotes of securities that the market did not have; one that it has stays as it is."""
        if quotes:
            self.snapshot = replace(self.snapshot, quotes={**quotes, **self.snapshot.quotes})

    def listing(self, quantities: Mapping[str, Decimal]) -> Listing:
        """Every security held or in the model.

        Raises:
            DataProblem: a security is missing or bad; or its price is missing, bad, or too old, and it is not
                to be frozen.
        """
        outside = [one for one in quantities.keys() - self._wanted.keys() if quantities[one]]
        return self._listing([*self._wanted, *outside]) if outside else self._of_model

    @cached_property
    def _of_model(self) -> Listing:
        """Those of the model: of most portfolios all that they hold. Raises DataProblem."""
        return self._listing(self._wanted)

    def _listing(self, security_ids: Iterable[str]) -> Listing:
        return Listing([self._security(one) for one in sorted(security_ids)])

    def _security(self, security_id: str) -> Security | FrozenSecurity:
        made = self._made.get(security_id)
        if made is None:
            made = self._made[security_id] = self._make(security_id)
        return made

    def _make(self, security_id: str) -> Security | FrozenSecurity:
        found = self.snapshot.quotes.get(security_id)
        if self._freezes and isinstance(found, NoPrice):
            return self._frozen(security_id, found.ticker, PriceProblem.of(found.problem))
        quote = self.snapshot.quote(security_id)
        try:
            check_age(security_id, quote, self._oldest)
        except StalePrice:
            if not self._freezes:
                raise
            return self._frozen(security_id, quote.ticker, PriceProblem.STALE_PRICE, quote.price_date)
        position = self._position(security_id)
        weights = (position.target, position.low_drift, position.high_drift)
        unheld = optimizer.Position(security_id, quote.price, ZERO, *weights)
        line = RunSecurity(security_id, quote.ticker, quote.price, *weights, quote.price_date)
        return Security(position, quote, unheld, line)

    def _frozen(
        self, security_id: str, ticker: str, problem: PriceProblem, day: date | None = None
    ) -> FrozenSecurity:
        one = self._position(security_id)
        weights = (one.target, one.low_drift, one.high_drift)
        return FrozenSecurity(security_id, ticker, *weights, problem, day)

    def _position(self, security_id: str) -> Position:
        return self._wanted.get(security_id) or Position(security_id, ZERO, ZERO, ZERO)
