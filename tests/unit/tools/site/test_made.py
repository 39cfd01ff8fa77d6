"""What the site has of the contract, the command and the errors is all of it."""

import re

import pytest

import ordergen_client
from ordergen_client.errors import OrderGenerationError
from ordergen_server.api.messages.errors import TABLE
from ordergen_server.rest.v2.bindings import SERVICES
from ordergen_server.rest.v2.comments import comments
from tools.protos import ROOT
from tools.site.commands import commands
from tools.site.contract import PACKAGE, contract
from tools.site.docstrings import exceptions, with_blocks
from tools.site.failures import failures
from tools.site.pages import BELOW, whole


def test_the_contract_has_every_call_message_field_and_value() -> None:
    text = contract()
    headings = re.findall(r"(?m)^##+ (\w+)$", text)
    named = {name.removeprefix(f"{PACKAGE}.") for name in comments()}
    services = {service.name for service in SERVICES}
    inner = {tuple(name.split(".")) for name in named if "." in name}
    expected = {name for name in named if "." not in name} | {call for of, call in inner if of in services}
    assert sorted(headings) == sorted(expected)
    for _, field in (one for one in inner if one[0] not in services):
        assert f"| `{field}` |" in text
    assert "| HTTP | `POST /api/v2/models`; in the body `model`, `request_id` |" in text
    assert "| HTTP | `GET /api/v2/model/{model_id}` |" in text
    assert (
        "| HTTP | `PUT /api/v2/model/{model_id}`; in the body `model`; in the query `update_mask` |" in text
    )
    assert "| Needs | `ordergen:models` |" in text
    assert "| Answers | a stream of [RebalanceModelResponse](#contract-rebalancemodelresponse) |" in text


def test_links_within_the_contract_have_their_targets() -> None:
    text = contract()
    targets = set(re.findall(r"(?m)^\((.+)\)=$", text))
    assert set(re.findall(r"\]\(#(.+?)\)", text)) <= targets


def test_every_command_is_shown_with_its_help() -> None:
    text = commands()
    headings = re.findall(r"(?m)^## `(.+)`$", text)
    assert headings[0] == "ordergen"
    assert {"ordergen rebalance", "ordergen runs", "ordergen runs show", "ordergen report"} <= set(headings)
    assert text.count("Usage: ordergen") == len(headings)


def test_every_error_has_a_row() -> None:
    rows = [line for line in failures().splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == [reason for _, reason in TABLE.values()]
    cells = "`VERSION_MISMATCH`", "The version given is not the current one.", "`ABORTED`", "409", "409"
    assert f"| {' | '.join(cells)} | `VersionMismatch` |" in rows
    assert [row for row in rows if "`OrderGenerationError`" in row] == []


def test_every_exception_is_in_the_tree() -> None:
    exported = {name: getattr(ordergen_client, name) for name in ordergen_client.__all__}
    raised = {
        name
        for name, one in exported.items()
        if isinstance(one, type) and issubclass(one, OrderGenerationError)
    }
    assert set(re.findall(r"(?m)^[│├└─ ]*([A-Z]\w+)", exceptions())) == raised


def test_all_that_the_client_exports_is_on_its_page() -> None:
    page = (ROOT / "docs" / "reference" / "python.md").read_text() + exceptions()
    assert [name for name in ordergen_client.__all__ if not re.search(rf"\b{name}\b", page)] == []


def test_a_block_of_a_docstring_is_marked_and_a_section_is_not() -> None:
    text = (
        "Does it.\n\n    run = start()\n\n    run.wait()\n\nArgs:\n    one: a thing,\n\n        at length.\n"
    )
    marked = text.replace("    run = start()", "::\n\n    run = start()")
    assert "\n".join(with_blocks(text.split("\n"))) == marked


def test_a_mark_is_replaced_and_an_unknown_one_is_an_error() -> None:
    assert whole("page", "# A\n\n<!-- made: errors -->\n") == f"# A\n\n{failures()}\n"
    assert whole("page", "as it is <!-- a comment -->") == "as it is <!-- a comment -->"
    with pytest.raises(KeyError):
        whole("page", "<!-- made: nothing -->")


@pytest.mark.parametrize("page", BELOW)
def test_pages_with_others_below_them_list_those(page: str) -> None:
    assert f":glob:\n\n{BELOW[page]}\n" in whole(page, "# Title\n")
