"""Portfolios as the arrays of a batch, as long as every number of theirs is a whole number of 64 bits."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

import optimizer
from ordergen_server.domain.numbers import EXACT, ZERO
from ordergen_server.domain.rebalances.options import RebalanceOptions, Strategy
from ordergen_server.services.portfolios.constraints import cash_floor, constraints_of
from ordergen_server.services.portfolios.securities import Securities
from ordergen_server.services.portfolios.valuation import Valued

#: Numbers in arrays are below this, with at most so many decimals: then steps of the last fit 64 bits.
MOST = 10**10
PLACES = 8


def can_be_batched(options: RebalanceOptions) -> bool:
    """Whether a batch can do what the options demand."""
    return options.strategy is Strategy.TO_TARGET and not constraints_of(options)


def fits_batch(portfolio: Valued, securities: Securities, options: RebalanceOptions) -> bool:
    """Whether a portfolio holds whole shares of securities of the model alone, and no number is too long."""
    floor = cash_floor(portfolio.market_value, options)
    return (
        len(portfolio.lines) == securities.model_size
        and all(-MOST < quantity < MOST and quantity == int(quantity) for _, quantity in portfolio.lines)
        and _fits(portfolio.cash)
        and _fits(floor or ZERO)
    )


def batch_of(portfolios: Sequence[Valued], options: RebalanceOptions) -> optimizer.Batch:
    """At least one portfolio that fits, a row each; the columns are the lines they have in common."""
    cash = [one.cash for one in portfolios]
    # A zero may be written with more places than steps can have.
    floors = [cash_floor(one.market_value, options) or ZERO for one in portfolios]
    places = min(0, *map(_exponent, cash + floors))
    return optimizer.Batch(
        positions=tuple(security.unheld for security, _ in portfolios[0].lines),
        quantities=np.array([[int(quantity) for _, quantity in one.lines] for one in portfolios], np.int64),
        cash=_steps(cash, places),
        cash_floors=None if options.allow_overdraft else _steps(floors, places),
        cash_step=EXACT.scaleb(Decimal(1), places),
    )


def _steps(money: Sequence[Decimal], places: int) -> NDArray[np.int64]:
    return np.array([int(EXACT.scaleb(one, -places)) for one in money], np.int64)


def _fits(money: Decimal) -> bool:
    return -MOST < money < MOST and _exponent(money) >= -PLACES


def _exponent(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return exponent if isinstance(exponent, int) else -PLACES - 1
