"""Settings of portfolios in a real database: exact, one writer at a time, version by version."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pymongo.collection import Collection

from ordergen_server.domain.desk.portfolio_settings import (
    AppliedSettings,
    PortfolioSettings,
    SettingsContent,
    take_fields,
)
from ordergen_server.domain.errors import InvalidArgument, NotFound, VersionMismatch
from ordergen_server.domain.requests.pages import PageRequest
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.settings_store.setting_documents import settings_document
from ordergen_server.repositories.settings_store.settings import Settings
from tests.builders import NOW, portfolio_id
from tests.integration.repositories.kept_settings import FLOOR, WHOLE, put

LATER = NOW + timedelta(hours=1)


def current_version(raised: pytest.ExceptionInfo[VersionMismatch]) -> str:
    return raised.value.metadata["current_version"]


def test_settings_come_back_digit_for_digit(portfolio_settings: Settings) -> None:
    made = portfolio_settings.change(portfolio_id(1), 0, lambda _: WHOLE, NOW, actor="ann")
    assert made == PortfolioSettings(portfolio_id(1), WHOLE, 1, NOW, NOW, "ann")
    read = portfolio_settings.get(portfolio_id(1))
    assert read == made
    assert str(read.content) == str(WHOLE)


def test_settings_of_before_have_no_limits_and_can_be_changed(
    portfolio_settings: Settings, database: Database
) -> None:
    document = settings_document(PortfolioSettings(portfolio_id(1), WHOLE, 3, NOW, NOW))
    del document["security_limits"]
    database.collection("portfolio_settings").insert_one(document)
    before = replace(WHOLE, security_limits=())
    assert portfolio_settings.get(portfolio_id(1)).content == before
    assert portfolio_settings.applied([portfolio_id(1)]) == {
        portfolio_id(1): AppliedSettings(3, replace(before, note=""))
    }
    change = take_fields(WHOLE, ["security_limits"])
    changed = portfolio_settings.change(portfolio_id(1), 3, change, LATER)
    assert (changed.content, changed.version) == (WHOLE, 4)


def test_a_change_is_one_step_on_its_version(portfolio_settings: Settings) -> None:
    put(portfolio_settings, 1, WHOLE)
    change = take_fields(SettingsContent(note="new"), ["note", "do_not_trade"])
    changed = portfolio_settings.change(portfolio_id(1), 1, change, LATER, actor="bob")
    expected = replace(WHOLE, note="new", do_not_trade=None)
    assert changed == PortfolioSettings(portfolio_id(1), expected, 2, NOW, LATER, "bob")
    assert portfolio_settings.get(portfolio_id(1)) == changed
    again = portfolio_settings.change(portfolio_id(1), 2, change, LATER + timedelta(hours=1), actor="eve")
    assert again == changed  # for it changes nothing


def test_another_version_than_the_current_one_is_refused(portfolio_settings: Settings) -> None:
    put(portfolio_settings, 1, FLOOR)
    put(portfolio_settings, 1, WHOLE, 1)
    for version in (0, 1, 3):
        with pytest.raises(VersionMismatch) as raised:
            put(portfolio_settings, 1, FLOOR, version)
        assert current_version(raised) == "2"
        with pytest.raises(VersionMismatch) as raised:
            portfolio_settings.delete(portfolio_id(1), version)
        assert current_version(raised) == "2"
    assert portfolio_settings.get(portfolio_id(1)).content == WHOLE


def test_settings_that_are_not_there_have_version_0(portfolio_settings: Settings) -> None:
    with pytest.raises(VersionMismatch) as raised:
        put(portfolio_settings, 1, FLOOR, 1)
    assert current_version(raised) == "0"
    for asked in (
        lambda: portfolio_settings.get(portfolio_id(1)),
        lambda: portfolio_settings.delete(portfolio_id(1), 1),
    ):
        with pytest.raises(NotFound):
            asked()


def test_settings_that_are_made_anew_go_on_from_the_version_of_the_deleted(
    portfolio_settings: Settings,
) -> None:
    """Who has read those before cannot change these."""
    put(portfolio_settings, 1, FLOOR)
    portfolio_settings.delete(portfolio_id(1), 1)
    with pytest.raises(NotFound):
        portfolio_settings.get(portfolio_id(1))
    with pytest.raises(NotFound):
        portfolio_settings.delete(portfolio_id(1), 2)
    assert portfolio_settings.applied([portfolio_id(1)]) == {}
    assert portfolio_settings.find(PageRequest()).items == ()
    with pytest.raises(VersionMismatch) as raised:
        put(portfolio_settings, 1, WHOLE, 1)
    assert current_version(raised) == "0"
    made = portfolio_settings.change(portfolio_id(1), 0, lambda _: WHOLE, LATER)
    assert (made.version, made.create_time) == (3, LATER)
    with pytest.raises(VersionMismatch):
        put(portfolio_settings, 1, FLOOR, 1)


@pytest.mark.parametrize("there", [False, True])
def test_of_writers_at_once_one_is_first_and_all_others_hear_of_it(
    portfolio_settings: Settings, there: bool
) -> None:
    version = put(portfolio_settings, 1, FLOOR).version if there else 0

    def write(number: int) -> PortfolioSettings | VersionMismatch:
        try:
            return put(portfolio_settings, 1, SettingsContent(note=str(number)), version)
        except VersionMismatch as error:
            return error

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(write, range(16)))
    (first,) = [one for one in found if isinstance(one, PortfolioSettings)]
    refused = [one for one in found if isinstance(one, VersionMismatch)]
    assert first.version == version + 1
    assert {one.metadata["current_version"] for one in refused} == {str(version + 1)}
    assert portfolio_settings.get(portfolio_id(1)) == first


@pytest.mark.parametrize("name", ["insert_one", "replace_one"])
def test_a_write_that_the_driver_repeats_is_known_again(
    portfolio_settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    made = put(portfolio_settings, 2, FLOOR)
    write = getattr(Collection, name)

    def twice(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever the driver takes
        write(*arguments, **options)
        return write(*arguments, **options)

    monkeypatch.setattr(Collection, name, twice)
    assert put(portfolio_settings, 1, FLOOR) == portfolio_settings.get(portfolio_id(1))
    assert put(portfolio_settings, 2, WHOLE, made.version).version == 2
    portfolio_settings.delete(portfolio_id(2), 2)
    with pytest.raises(NotFound):
        portfolio_settings.get(portfolio_id(2))


def test_pages_stay_stable_while_others_write(portfolio_settings: Settings) -> None:
    for number in (5, 1, 9, 3, 7):
        put(portfolio_settings, number, FLOOR)
    first = portfolio_settings.find(PageRequest(2))
    assert ([one.portfolio_id[-1] for one in first.items], first.total_size) == (["1", "3"], 5)
    put(portfolio_settings, 2, FLOOR)
    put(portfolio_settings, 8, FLOOR)
    portfolio_settings.delete(portfolio_id(3), 1)
    put(portfolio_settings, 7, WHOLE, 1)
    second = portfolio_settings.find(PageRequest(3, first.next_token))
    assert ([one.portfolio_id[-1] for one in second.items], second.total_size) == (["5", "7", "8"], 6)
    assert second.items[1].content == WHOLE
    last = portfolio_settings.find(PageRequest(3, second.next_token, 1))
    assert (last.items, last.next_token) == ((), "")
    whole = portfolio_settings.find(PageRequest())
    assert ([one.portfolio_id[-1] for one in whole.items], whole.total_size) == (
        ["1", "2", "5", "7", "8", "9"],
        6,
    )
    with pytest.raises(InvalidArgument):
        portfolio_settings.find(PageRequest(2, "x"))


def test_a_run_reads_what_it_needs_of_those_that_there_are(portfolio_settings: Settings) -> None:
    put(portfolio_settings, 1, WHOLE)
    put(portfolio_settings, 2, FLOOR)
    found = portfolio_settings.applied([portfolio_id(number) for number in (3, 1)])
    assert found == {portfolio_id(1): AppliedSettings(1, replace(WHOLE, note=""))}
