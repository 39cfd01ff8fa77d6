"""A page of portfolios whose drift is checked: read side by side, and told together."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from ordergen_server.domain.desk.drifts import DriftState, PortfolioDrift
from ordergen_server.domain.errors import OrderGenerationError
from ordergen_server.domain.market import Holdings
from ordergen_server.domain.models import Model, without_positions
from ordergen_server.services.desk.standing import CashBand, standing
from ordergen_server.services.portfolios.portfolio_work import STOPPING
from ordergen_server.services.portfolios.readings import Asked, Reading, Readings
from ordergen_server.services.portfolios.securities import Securities


@dataclass(frozen=True, slots=True)
class Checked:
    """A model with what all its portfolios have in common; without positions no securities are needed."""

    model: Model
    securities: Securities | None
    cash_band: CashBand

    def start(self, portfolio_id: str, name: str = "") -> PortfolioDrift:
        """A portfolio of it of which nothing is known yet."""
        time = self.securities.time if self.securities else None
        return PortfolioDrift(
            portfolio_id, name, self.model.model_id, self.model.name, DriftState.FAILED, snapshot_time=time
        )

    def failed(self, portfolio_id: str, error: OrderGenerationError) -> PortfolioDrift:
        """A portfolio of it of which no more is known than why."""
        return replace(self.start(portfolio_id), error=error)


class Page:
    """Portfolios that are read together.

    Args:
        asked: each with its model, at least one.
        take: permits for so many, if they are there.
        read: has portfolios read.
    """

    def __init__(
        self,
        asked: Sequence[tuple[Checked, str]],
        take: Callable[[int], bool],
        read: Callable[[Iterable[Asked]], Readings],
    ) -> None:
        self._of = {portfolio_id: one for one, portfolio_id in asked}
        self._take = take
        self._read = read
        self._readings: Readings | None = None

    def is_begun(self) -> bool:
        """Begin to read it, unless that is done; whether it could be."""
        if self._readings is None and self._take(len(self._of)):
            of = self._of.items()
            self._readings = self._read([(one.securities, key) for key, one in of if one.securities])
        return self._readings is not None

    def known(self) -> tuple[list[PortfolioDrift], OrderGenerationError | None]:
        """What is known of its portfolios once all are read, and why no more is, if anything stopped it."""
        of = self._of
        drifts = [
            one.failed(key, without_positions(one.model)) for key, one in of.items() if one.securities is None
        ]
        for batch in self._readings or ():
            known = (read for read in batch if not isinstance(read.holdings, STOPPING))
            drifts += [_drift(of[read.portfolio_id], read) for read in known]
            errors = (read.holdings for read in batch)
            stopped = next((error for error in errors if isinstance(error, STOPPING)), None)
            if stopped:
                return drifts, stopped
        return drifts, None

    def close(self) -> None:
        """Read no more of it."""
        if self._readings:
            self._readings.close()


def _drift(checked: Checked, read: Reading) -> PortfolioDrift:
    if not isinstance(read.holdings, Holdings):
        return checked.failed(read.portfolio_id, read.holdings)
    read.securities.add(read.quotes)
    start = checked.start(read.portfolio_id, read.name)
    return standing(start, read.holdings, read.securities, checked.cash_band)
