"""What a client shows, and what it keeps to itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ordergen_client import Client, Tls, Unauthenticated
from ordergen_client.connecting.credentials import authorization, is_this_machine
from ordergen_client.connecting.terms import terms

SECRET = "header.payload.signature"  # noqa: S105 - of a test


def test_a_token_is_a_text_a_file_or_made(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f"{SECRET}\n")
    for token in (SECRET, path, lambda: SECRET):
        assert authorization(token) == (("authorization", f"Bearer {SECRET}"),)
    assert authorization(None) == ()


@pytest.mark.parametrize("actor", ["", "ann", "Ann Meyer <ann@example.org>"])
def test_who_calls_is_said_beside_the_token(actor: str) -> None:
    made = terms(
        timeout_seconds=1,
        run_timeout_seconds=1,
        reconnect_seconds=1,
        token=SECRET,
        actor=actor,
        grpc_causes=False,
    )
    told = (("x-actor", actor),) if actor else ()
    assert made.metadata() == (("authorization", f"Bearer {SECRET}"), *told)


def test_a_file_is_read_with_every_call(tmp_path: Path) -> None:
    path = tmp_path / "token"
    for text in ("first", "second"):
        path.write_text(text)
        assert authorization(path) == (("authorization", f"Bearer {text}"),)


@pytest.mark.parametrize(
    "token", ["", " ", f"{SECRET}\nx-other: {SECRET}", f"{SECRET} {SECRET}", f"{SECRET}é", "\0"]
)
def test_what_can_be_no_token_is_not_sent_and_not_shown(token: str) -> None:
    with pytest.raises(Unauthenticated) as told:
        authorization(token)
    assert SECRET not in str(told.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unauthenticated, match=r"the file \S+none cannot be read"):
        authorization(tmp_path / "none")
    (tmp_path / "binary").write_bytes(b"\xff" + SECRET.encode())
    with pytest.raises(Unauthenticated) as told:
        authorization(tmp_path / "binary")
    assert told.value.__cause__ is None


@pytest.mark.parametrize(
    ("target", "here"),
    [
        ("localhost:8088", True),
        ("127.0.0.1:1", True),
        ("dns:///localhost:8088", True),
        ("[::1]:8088", True),
        ("unix:/tmp/socket", True),
        ("ordergen:8088", False),
        ("dns:///ordergen:8088", False),
        ("10.0.0.1:8088", False),
        ("localhost.example:8088", False),
        ("", False),
    ],
)
def test_what_is_this_machine(target: str, *, here: bool) -> None:
    assert is_this_machine(target) is here


def test_a_token_is_not_sent_to_another_machine_in_plain_text() -> None:
    with pytest.raises(ValueError, match="with TLS alone") as told:
        Client("ordergen:8088", token=SECRET)
    assert SECRET not in str(told.value)
    Client("localhost:8088", token=SECRET).close()
    Client("ordergen:8088", token=SECRET, tls=Tls()).close()


def shown(client: Client) -> Iterator[str]:
    yield repr(client)
    yield str(client)


def test_a_token_is_not_in_what_is_shown_of_a_client() -> None:
    with Client("localhost:8088", token=SECRET) as client:
        assert not [text for text in shown(client) if SECRET in text]


def test_a_certificate_comes_with_its_key() -> None:
    for given in ({"certificate": "a"}, {"key": "a"}):
        with pytest.raises(ValueError, match="need each other"):
            Tls(**given)


def test_files_of_tls_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Client("ordergen:8088", tls=Tls(ca=tmp_path / "none"))
