"""A market: securities and one price each, synthetic from a seed or read from a CSV file."""

from __future__ import annotations

import csv
import hashlib
import random
import re
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["Market", "MarketError", "Security"]

COLUMNS = ("security_id", "ticker", "description", "price_date", "price", "price_std")
_ID = re.compile(r"[0-9A-Za-z]{24}")
_PRICE_DECIMALS = 8
# Ranges of prices in whole money and how many decimals a price there has: most have cents, some more.
_TIERS = ((3, 30, 2), (20, 90, 2), (30, 150, 2), (40, 150, 4), (60, 300, 2), (150, 700, 8), (400, 1900, 2))
_FIRST = (
    "Alder",
    "Birch",
    "Cedar",
    "Dune",
    "Ember",
    "Fjord",
    "Garnet",
    "Harbor",
    "Iris",
    "Juniper",
    "Kestrel",
)
_SECOND = ("Foods", "Energy", "Logistics", "Software", "Health", "Materials", "Retail", "Rail", "Networks")


class MarketError(ValueError):
    """A market file cannot be used: the message names file, line and column."""


def pick(rng: random.Random, low: int, high: int) -> int:
    """Return a whole number from low to high, both included.

    Only ``random()`` is promised to give the same sequence in every Python, so nothing else is used.
    """
    return low + int(rng.random() * (high - low + 1))


def digest_id(text: str) -> str:
    """Return 24 lower-case hex characters that depend on the text alone."""
    return hashlib.sha256(text.encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Security:
    """One security: 24 alphanumeric characters of id, ticker, words, and a price > 0 in money a share."""

    security_id: str
    ticker: str
    description: str
    price: Decimal


@dataclass(frozen=True)
class Market:
    """All securities, in a fixed order, and the seed that everything made from this market depends on."""

    seed: int
    securities: tuple[Security, ...]
    by_id: Mapping[str, Security] = field(init=False, repr=False, compare=False)
    by_ticker: Mapping[str, Security] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_id", {each.security_id: each for each in self.securities})
        object.__setattr__(self, "by_ticker", {each.ticker: each for each in self.securities})

    @classmethod
    def synthetic(cls, *, seed: int = 1, securities: int = 500) -> Market:
        """Make a market of so many securities; the same seed gives the same market.

        Raises:
            ValueError: fewer than one security.
        """
        if securities < 1:
            raise ValueError(f"a market needs at least one security, got {securities}")
        return cls(seed, tuple(_synthetic(seed, number) for number in range(securities)))

    @classmethod
    def from_csv(cls, path: Path, *, seed: int = 1) -> Market:
        """Read a market from a CSV file with the columns of ``COLUMNS`` (price_date and price_std unused).

        Raises:
            MarketError: the file cannot be read, a column is missing, or a value breaks a rule.
        """
        try:
            with path.open(newline="", encoding="utf-8") as file:
                return cls(seed, tuple(_read(path, file)))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise MarketError(f"{path}: {error}") from error

    def sampled_price(self, security: Security, call: int, jitter: Decimal) -> Decimal:
        """Return the price a given call meets: the mean moved by at most the fraction ``jitter``, > 0."""
        rng = random.Random(f"{self.seed}:price:{security.security_id}:{call}")  # noqa: S311 - a simulation
        move = jitter * pick(rng, -1_000_000, 1_000_000) / 1_000_000
        least = Decimal(1).scaleb(-_PRICE_DECIMALS)
        return max(least, (security.price * (1 + move)).quantize(least))


def _synthetic(seed: int, number: int) -> Security:
    rng = random.Random(f"{seed}:security:{number}")  # noqa: S311 - a simulation
    low, high, decimals = _TIERS[pick(rng, 0, len(_TIERS) - 1)]
    units = pick(rng, low * 10**decimals, high * 10**decimals)
    description = (
        f"{_FIRST[number % len(_FIRST)]} {_SECOND[pick(rng, 0, len(_SECOND) - 1)]} {number + 1} Inc."
    )
    price = Decimal(units).scaleb(-decimals)
    return Security(digest_id(f"{seed}:security:{number}"), _ticker(number), description, price)


def _ticker(number: int) -> str:
    """Return three or more letters, another for every number: 0 is AAA, 1 is AAB."""
    letters = ""
    while number or len(letters) < 3:  # noqa: PLR2004 - three letters look like a ticker
        number, letter = divmod(number, 26)
        letters = chr(ord("A") + letter) + letters
    return letters


def _read(path: Path, lines: Iterator[str]) -> Iterator[Security]:
    reader = csv.DictReader(lines)
    missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        raise MarketError(f"{path}, line 1: no column {', '.join(missing)}; expected {','.join(COLUMNS)}")
    seen: set[str] = set()
    for row in reader:
        where = f"{path}, line {reader.line_num}"
        if any(row[column] is None for column in COLUMNS) or None in row:
            raise MarketError(f"{where}: expected {len(COLUMNS)} values, one a column")
        for column in ("security_id", "ticker"):
            if row[column] in seen:
                raise MarketError(f"{where}, column {column}: {row[column]!r} is there twice")
            seen.add(row[column])
        yield _security(where, row)
    if not seen:
        raise MarketError(f"{path}: no securities, only a header")


def _security(where: str, row: Mapping[str, str]) -> Security:
    if not _ID.fullmatch(row["security_id"]):
        raise MarketError(f"{where}, column security_id: {row['security_id']!r} is not 24 letters and digits")
    if not row["ticker"].strip() or "/" in row["ticker"]:
        raise MarketError(f"{where}, column ticker: {row['ticker']!r} is not a ticker")
    return Security(row["security_id"], row["ticker"], row["description"], _price(where, row["price"]))


def _price(where: str, text: str) -> Decimal:
    try:
        price = Decimal(text)
    except InvalidOperation:
        raise MarketError(f"{where}, column price: {text!r} is not a number") from None
    if not price.is_finite() or price <= 0 or price != round(price, _PRICE_DECIMALS):
        raise MarketError(
            f"{where}, column price: {text!r} must be > 0 with at most {_PRICE_DECIMALS} decimals"
        )
    return price
