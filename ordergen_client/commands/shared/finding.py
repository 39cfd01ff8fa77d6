"""What is meant by a name, a ticker, or the beginning of an id."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final, TypeVar

from ordergen_client.client import Client
from ordergen_client.commands.shared.failures import Failure
from ordergen_client.errors import PreconditionFailed, Unavailable
from ordergen_client.records.values import Model, Rebalance

Found = TypeVar("Found")
_ID: Final = re.compile(r"[0-9a-f]{24}")
#: An id of a security or a portfolio.
_WHOLE: Final = re.compile(r"[0-9A-Za-z]{24}")
#: So many characters of an id stand for it.
_PREFIX: Final = 4
_NAMED: Final = 10
LATEST: Final = "latest"


def model(client: Client, asked: str) -> Model:
    """The model of an id, a name, or the beginning of either. Raises Failure where it is none or several."""
    if _ID.fullmatch(asked.lower()):
        return client.models.get(asked.lower())
    return _of_name(client, asked, f"There is no model {asked!r}: ordergen models list shows all.")


def _of_name(client: Client, asked: str, otherwise: str) -> Model:
    fitting = _named(asked, list(client.models.list(page_size=1000)))
    if not fitting:
        raise Failure(otherwise)
    return _only(asked, fitting, "model", lambda one: f"{one.model_id} {one.name}")


def model_id(client: Client, asked: str) -> str:
    """The id of what `model` finds; a whole one is taken as it is."""
    return asked.lower() if _ID.fullmatch(asked.lower()) else model(client, asked).model_id


def run_id(client: Client, asked: str) -> str:
    """The id of a run: of an id, the beginning of one, `latest`, or a model's name for its latest.

    Raises Failure where there is none, or several.
    """
    if _ID.fullmatch(asked.lower()):
        return asked.lower()
    if asked == LATEST:
        newest = next(iter(client.runs.list(page_size=1)), None)
        if newest is None:
            raise Failure("There is no run yet: ordergen rebalance MODEL starts one.")
        return newest.rebalance_id
    if re.fullmatch(rf"[0-9a-f]{{{_PREFIX},23}}", asked):
        begin = [run for run in client.runs.list(page_size=1000) if run.rebalance_id.startswith(asked)]
        if begin:
            return _only(asked, begin, "run", _described).rebalance_id
    return _latest_of(client, asked)


def securities(client: Client, asked: Iterable[str]) -> dict[str, str]:
    """The ids of securities that are given by id or ticker, by what was given.

    A whole id that nobody knows is taken as it is. Raises Failure that names each that is none or several.
    """
    return _ids(
        asked,
        "security",
        lambda part: {
            one.asked: [found.security_id for found in one.securities]
            for one in client.securities.resolve(part)
        },
    )


def portfolios(client: Client, asked: Iterable[str]) -> dict[str, str]:
    """The ids of portfolios that are given by id or name, as `securities`."""
    return _ids(
        asked,
        "portfolio",
        lambda part: {
            one.asked: [found.portfolio_id for found in one.portfolios]
            for one in client.portfolios.resolve(part)
        },
    )


def _ids(
    asked: Iterable[str], noun: str, resolve: Callable[[list[str]], Mapping[str, list[str]]]
) -> dict[str, str]:
    wanted = list(dict.fromkeys(asked))
    whole = {one: one for one in wanted if _WHOLE.fullmatch(one)}
    found: dict[str, str] = {}
    problems = []
    for part in _parts(wanted):
        for one, ids in _resolved(resolve, part, whole).items():
            if len(ids) == 1:
                found[one] = ids[0]
            elif not ids and one in whole:  # nobody knows it, and it may be meant
                found[one] = one
            else:
                problems.append(_problem(noun, one, ids))
    if problems:
        left = f"\nand {len(problems) - _NAMED:,} more" if len(problems) > _NAMED else ""
        raise Failure("\n".join(problems[:_NAMED]) + left)
    return found


def _resolved(
    resolve: Callable[[list[str]], Mapping[str, list[str]]], part: list[str], whole: Mapping[str, str]
) -> Mapping[str, list[str]]:
    """What texts stand for; whole ids stand for themselves where nobody can be asked."""
    try:
        return resolve(part)
    except (Unavailable, PreconditionFailed):
        if all(one in whole for one in part):
            return {one: [one] for one in part}
        raise


def tickers(client: Client, security_ids: Iterable[str]) -> dict[str, str]:
    """The tickers of securities, as far as they are known: a list is worth showing without them, too."""
    found = {}
    with suppress(Unavailable, PreconditionFailed):
        for part in _parts(list(security_ids)):
            for matches in client.securities.resolve(part):
                found.update({one.security_id: one.ticker for one in matches.securities})
    return found


def portfolio_names(client: Client, portfolio_ids: Iterable[str]) -> dict[str, str] | None:
    """The names of portfolios by id; without those that nobody knows. None where none can be asked for."""
    found = {}
    try:
        for part in _parts(list(portfolio_ids)):
            for matches in client.portfolios.resolve(part):
                found.update({one.portfolio_id: one.name for one in matches.portfolios})
    except (Unavailable, PreconditionFailed):
        return None
    return found


def _latest_of(client: Client, name: str) -> str:
    neither = f"There is no run {name!r}, nor a model of that name: ordergen runs list shows the newest runs."
    of_model = _of_name(client, name, neither)
    newest = next(iter(client.runs.list(model_id=of_model.model_id, page_size=1)), None)
    if newest is None:
        raise Failure(f"Model {of_model.name} has no run yet: ordergen rebalance starts one.")
    return newest.rebalance_id


def _named(asked: str, known: Sequence[Model]) -> list[Model]:
    """The first of these that fits any decides: the name, the name in any case, the beginning of either."""
    folded = asked.casefold()
    rules: tuple[Callable[[Model], bool], ...] = (
        lambda one: one.name == asked,
        lambda one: one.name.casefold() == folded,
        lambda one: len(asked) >= _PREFIX and one.model_id.startswith(asked),
        lambda one: bool(folded) and one.name.casefold().startswith(folded),
    )
    fitting = ([one for one in known if rule(one)] for rule in rules)
    return next((found for found in fitting if found), [])


def _only(asked: str, fitting: Sequence[Found], noun: str, described: Callable[[Found], str]) -> Found:
    if len(fitting) == 1:
        return fitting[0]
    raise Failure(_problem(noun, asked, [described(one) for one in fitting]))


def _described(run: Rebalance) -> str:
    return f"{run.rebalance_id} {run.model_name} {run.create_time:%Y-%m-%d %H:%M}"


def _problem(noun: str, asked: str, found: Sequence[str]) -> str:
    if not found:
        name = "ticker" if noun == "security" else "name in full"
        return f"There is no {noun} {asked!r}: give its id, or its {name}."
    shown = "".join(f"\n  {one}" for one in found[:_NAMED])
    more = f"\n  and {len(found) - _NAMED:,} more" if len(found) > _NAMED else ""
    return f"{asked!r} is not one {noun}, but any of:{shown}{more}\nGive more of it."


def _parts(texts: Sequence[str], size: int = 1000) -> Iterable[list[str]]:
    return (list(texts[place : place + size]) for place in range(0, len(texts), size))
