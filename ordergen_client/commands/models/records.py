"""Models as commands read and write them: with tickers beside ids, and names in place of ids."""

from collections.abc import Sequence
from typing import Final

from ordergen_client.client import Client
from ordergen_client.commands.models.files import ModelFile
from ordergen_client.commands.shared import finding
from ordergen_client.records.values import Model, Position
from ordergen_client.showing.output import Output
from ordergen_client.showing.rows import model_row, position_rows

#: Portfolios that a warning names.
_NAMED: Final = 10


def whole_model(client: Client, model: Model) -> dict[str, object]:
    """A model with its positions and portfolios, for programs."""
    return {
        **model_row(model),
        "positions": position_rows(model, tickers_of(client, model)),
        "portfolio_ids": list(model.portfolio_ids),
    }


def tickers_of(client: Client, model: Model) -> dict[str, str]:
    """The tickers of its securities, as far as the service knows them."""
    return finding.tickers(client, [one.security_id for one in model.positions])


def positions_of(client: Client, file: ModelFile) -> list[Position] | None:
    """The positions of a file, if it has any, with the ids of their securities."""
    if file.lines is None:
        return None
    ids = finding.securities(client, (line.security for line in file.lines))
    return [Position(ids[one.security], one.target, one.low_drift, one.high_drift) for one in file.lines]


def warn_of_unknown(client: Client, output: Output, ids: Sequence[str]) -> None:
    """Name portfolios that the portfolio service does not know: they can be linked, and fail in a run."""
    known = finding.portfolio_names(client, ids) if ids else {}
    if known is None:
        output.warn("whether these portfolios exist could not be asked: their service does not answer.")
        return
    unknown = [one for one in ids if one not in known]
    if unknown:
        more = f", and {len(unknown) - _NAMED:,} more" if len(unknown) > _NAMED else ""
        output.warn(f"no portfolio service knows {', '.join(unknown[:_NAMED])}{more}.")


def warn_of_unknown_securities(client: Client, output: Output, ids: Sequence[str]) -> None:
    """Name securities that the security service does not know: portfolios that need them fail in a run."""
    known = finding.tickers(client, ids)
    unknown = [one for one in ids if one not in known]
    if known and unknown:
        output.warn(f"no security service knows {', '.join(unknown[:_NAMED])}.")


def portfolio_ids(client: Client, asked: Sequence[str] | None) -> list[str] | None:
    """The ids of portfolios that are given by id or name; None where none are given."""
    if asked is None:
        return None
    ids = finding.portfolios(client, asked)
    return list(dict.fromkeys(ids[one] for one in asked))
