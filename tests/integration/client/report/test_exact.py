"""The page's arithmetic of decimal text is that of Decimals."""

from decimal import Context, Decimal
from importlib.resources import files
from random import Random

from playwright.sync_api import Browser

SOURCE = files("ordergen_client.report").joinpath("page", "exact.js").read_text(encoding="utf-8")
EVALUATED = """([source, pairs]) => new Function("pairs", source + `
  return pairs.map(([one, other]) => [money(one), percent(one), product(one, other),
                                      sum(one, other), ratio(one, other, 4), quantity(one)]);`)(pairs)"""
MUCH = Context(prec=400)


def drawn(count: int) -> list[tuple[Decimal, Decimal]]:
    """Of every size and sign, many of them halfway between two that are shown."""
    random = Random(5)  # noqa: S311 - test data, not secrets

    def one() -> Decimal:
        number = Decimal(random.randint(-(10 ** random.randint(1, 25)), 10 ** random.randint(1, 25)))
        return number.scaleb(-random.randint(0, 12), MUCH) if random.random() < 0.7 else number / 8

    return [(one(), one()) for _ in range(count)]


def expected(one: Decimal, other: Decimal) -> list[str | None]:
    quotient = None
    if other > 0:
        quotient = format(MUCH.divide(one, other).quantize(Decimal("0.0001"), context=MUCH), "f")
    whole = f"{one:,f}"
    return [
        f"{one:,.2f}".replace("-", "\N{MINUS SIGN}"),
        f"{one:,.2%}".replace("-", "\N{MINUS SIGN}").replace("%", "\N{NO-BREAK SPACE}%"),
        format(MUCH.multiply(one, other), "f"),
        format(MUCH.add(one, other), "f"),
        quotient,
        (whole.rstrip("0").rstrip(".") if "." in whole else whole).replace("-", "\N{MINUS SIGN}"),
    ]


def same(found: str | None, number: str | None) -> bool:
    """Alike, but for the sign of a zero that was rounded."""
    if found is None or number is None or any(digit in found for digit in "123456789"):
        return found == number
    return found == number.lstrip("-\N{MINUS SIGN}")


def test_decimal_text_is_computed_and_shown_as_decimals_are(browser: Browser) -> None:
    pairs = drawn(400)
    page = browser.new_page()
    found = page.evaluate(
        EVALUATED, [SOURCE, [[format(one, "f"), format(other, "f")] for one, other in pairs]]
    )
    page.close()
    for pair, answers in zip(pairs, found, strict=True):
        wanted = expected(*pair)
        assert [(a, b) for a, b in zip(answers, wanted, strict=True) if not same(a, b)] == [], pair
