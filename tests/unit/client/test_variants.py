"""Variants as people write them."""

from decimal import Decimal
from pathlib import Path
from typing import cast

import click
import pytest

from ordergen_client import Client, RebalanceOptions, Security, SecurityMatches, Variant
from ordergen_client.commands.runs.variants import read_variants
from tests.builders import security_id


class Securities:
    """Knows AAA, and ids."""

    def resolve(self, asked: list[str]) -> tuple[SecurityMatches, ...]:
        known = {"AAA": security_id(1), security_id(2): security_id(2)}
        return tuple(
            SecurityMatches(one, (Security(known[one], one, None),) if one in known else (), more=False)
            for one in asked
        )


class Service:
    """A client that knows securities alone."""

    securities = Securities()


def read(folder: Path, text: str) -> list[Variant]:
    path = folder / "variants.yaml"
    path.write_text(text)
    return read_variants(cast("Client", Service()), path)


def test_options_keep_their_digits_and_securities_get_their_ids(tmp_path: Path) -> None:
    text = f"""
variants:
  - name: today
  - name: 2026
    options:
      strategy: TO_BAND
      minimum_cash_amount: 1000
      minimum_trade_value: 0.10
      maximum_turnover_weight: 12.50%
      maximum_trade_count: 7
      allow_overdraft: false
      solver_timeout_seconds: 2.5
      unpriced: FREEZE
      restrictions: {{AAA: HOLD}}
      lot_sizes: {{{security_id(2)}: 100}}
    positions:
      - {{security: AAA, target: 0.30, low_drift: 1%}}
"""
    today, later = read(tmp_path, text)
    assert (today, later.name) == (Variant("today"), "2026")
    assert later.options == RebalanceOptions(
        strategy="TO_BAND",
        minimum_cash_amount=1000,
        minimum_trade_value="0.10",
        maximum_turnover_weight="0.1250",
        maximum_trade_count=7,
        solver_timeout_seconds=2.5,
        unpriced="FREEZE",
        restrictions={security_id(1): "HOLD"},
        lot_sizes={security_id(2): 100},
    )
    assert str(later.options.minimum_trade_value) == "0.10"
    [line] = later.positions
    assert (line.security_id, str(line.target), line.low_drift, line.high_drift) == (
        security_id(1),
        "0.30",
        Decimal("0.01"),
        Decimal(0),
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- name: x", "it must have variants, and nothing else"),
        ("variants: []", "it must have variants, and nothing else"),
        ("variants: [x]", r"variants\[0\]: must have name, options, positions"),
        ("variants: [{name: x, cash: 1}]", r"variants\[0\]: cash is no field of a variant"),
        ("variants: [{name: x, options: {cash: 1}}]", r"variants\[0\].options: cash is no option"),
        (
            "variants: [{name: x, options: {maximum_turnover: 1%}}]",
            r"maximum_turnover is no option: is it maximum_turnover_weight\?",
        ),
        ("variants: [{name: x, options: 1}]", r"variants\[0\].options: must have options by their names"),
        (
            "variants: [{name: x, options: {strategy: BEST}}]",
            r"variants\[0\].options: strategy must be one of",
        ),
        (
            "variants: [{name: x, options: {lot_sizes: 3}}]",
            r"variants\[0\].options: lot_sizes must be a mapping",
        ),
        ("variants: [{name: x, positions: []}]", r"variants\[0\].positions: must be a list"),
        ("variants: [{name: x, positions: [AAA]}]", r"variants\[0\].positions\[0\]: must have security"),
        ("variants: [{name: x, positions: [{security: AAA}]}]", r"positions\[0\]: target must be a number"),
        ("variants: [{name: x, name: y}]", "name stands there twice in line 1"),
        ("variants: [", "is no YAML"),
        ("variants: [{name: x, options: {restrictions: {BBB: HOLD}}}]", "There is no security 'BBB'"),
    ],
)
def test_mistakes_are_told_by_their_places(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(click.ClickException, match=told):
        read(tmp_path, text)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "variants.yaml").write_bytes(b"\xff")
    with pytest.raises(click.UsageError, match="cannot be read: it is not UTF-8"):
        read_variants(cast("Client", Service()), tmp_path / "variants.yaml")
    with pytest.raises(click.UsageError, match="cannot be read: No such file"):
        read_variants(cast("Client", Service()), tmp_path / "nowhere.yaml")
