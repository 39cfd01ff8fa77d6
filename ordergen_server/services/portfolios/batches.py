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


def row_of(portfolio: Valued, securities: Securities, options: RebalanceOptions) -> list[int] | None:
    """The shares of a portfolio that fits a batch, by line; None of one that does not.

    That is where it holds other securities than the model's, or no whole shares, or a number is too long.
    """
    held = [quantity for _, quantity in portfolio.lines]
    are_short = min(held, default=ZERO) > -MOST and max(held, default=ZERO) < MOST
    if len(held) != securities.model_size or not are_short:
        return None
    if not _fits(portfolio.cash) or not _fits(cash_floor(portfolio.market_value, options) or ZERO):
        return None
    row = [int(quantity) for quantity in held]
    return row if row == held else None


def batch_of(
    portfolios: Sequence[Valued], rows: Sequence[list[int]], options: RebalanceOptions
) -> optimizer.Batch:
    """At least one portfolio that fits, with the row of each: a column for each line."""
    cash = [one.cash for one in portfolios]
    # A zero may be written with more places than steps can have.
    floors = [cash_floor(one.market_value, options) or ZERO for one in portfolios]
    places = min(0, *map(_exponent, cash + floors))
    return optimizer.Batch(
        positions=tuple(security.unheld for security, _ in portfolios[0].lines),
        quantities=np.array(rows, np.int64),
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
