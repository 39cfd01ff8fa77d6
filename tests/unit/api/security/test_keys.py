"""Key sets: what is taken of them, and how they are kept."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ordergen_server.api.security.key_sources import MAXIMUM_BYTES, source
from ordergen_server.api.security.keys import KeyHolder, KeysError
from tests.issuers import Issuer, KeyServer, described, private_key
from tests.waiting import eventually

DAYS = 1e6


class Source:
    """A key set that may be down, and counts who asks."""

    def __init__(self, *kids: str) -> None:
        self.issuer = Issuer(dict.fromkeys(kids, "EdDSA"))
        self.down = False
        self.asked = 0
        self.may_answer = Event()
        self.may_answer.set()

    def __call__(self) -> bytes:
        self.asked += 1
        self.may_answer.wait()
        if self.down:
            raise KeysError("down")
        return self.issuer.key_set()


@contextmanager
def started(read: Callable[[], bytes], *, every: float = DAYS, look: float = DAYS) -> Iterator[KeyHolder]:
    keys = KeyHolder(read, every_seconds=every, look_seconds=look)
    keys.start()
    try:
        yield keys
    finally:
        keys.close()


def of(*keys: dict[str, Any]) -> KeyHolder:
    holder = KeyHolder(lambda: json.dumps({"keys": keys}).encode(), every_seconds=DAYS)
    holder.refresh()
    return holder


def test_each_kind_of_key_has_its_one_algorithm() -> None:
    holder = of(*(described(private_key(name), name) for name in ("RS256", "ES256", "EdDSA")))
    assert {kid: key.algorithm for kid, key in holder.current.keys.items()} == {
        "RS256": "RS256",
        "ES256": "ES256",
        "EdDSA": "EdDSA",
    }


def unusable() -> dict[str, dict[str, Any]]:
    good = described(private_key("RS256"), "bad")
    short = rsa.generate_private_key(65537, 1024)  # noqa: S505 - what must not be taken
    return {
        "a secret": {"kty": "oct", "k": "c2VjcmV0", "kid": "bad"},
        "of encryption": {**good, "use": "enc"},
        "of another operation": {**good, "key_ops": ["encrypt"]},
        "of another algorithm": {**good, "alg": "RS512"},
        "of no algorithm": {**good, "alg": "none"},
        "too short": described(short, "bad"),
        "another curve": described(ec.generate_private_key(ec.SECP384R1()), "bad"),
        "without a kid": {name: value for name, value in good.items() if name != "kid"},
        "of a kid that is no text": {**good, "kid": 5},
        "half": {"kty": "RSA", "kid": "bad", "n": good["n"]},
        "broken": {**described(private_key("ES256"), "bad"), "x": "AA"},
        "of no kind": {"kid": "bad"},
        "private": {**json.loads(json.dumps(good)), "d": "AQAB"},
    }


@pytest.mark.parametrize("name", list(unusable()))
def test_keys_that_cannot_be_used_are_passed_over(name: str) -> None:
    assert set(of(described(private_key("EdDSA"), "good"), unusable()[name]).current.keys) == {"good"}


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"[]", b'{"keys": 1}', b'{"keys": [1]}', b'{"keys": []}', b"\xff"]
)
def test_what_is_no_key_set_changes_nothing(content: bytes) -> None:
    answers = [Issuer().key_set(), content]
    holder = KeyHolder(lambda: answers.pop(0), every_seconds=DAYS)
    holder.refresh()
    before = holder.current
    with pytest.raises(KeysError):
        holder.refresh()
    assert holder.current is before


def test_the_same_keys_are_the_same_set() -> None:
    read = Source("a")
    holder = KeyHolder(read, every_seconds=DAYS)
    for _ in range(2):
        holder.refresh()
    assert (holder.current.number, read.asked) == (1, 2)


def test_the_last_set_stays_while_it_cannot_be_read(caplog: pytest.LogCaptureFixture) -> None:
    read = Source("a")
    with started(read, every=0.01) as keys:
        eventually(lambda: keys.find("a"))
        read.down = True
        asked = read.asked
        eventually(lambda: read.asked > asked + 3)
        assert keys.find("a")
        read.issuer.algorithms["b"], read.down = "EdDSA", False
        eventually(lambda: "b" in keys.current.keys)
    told = [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
    assert told == [
        "the keys of tokens cannot be read, those read before go on being used: down",
        "the keys of tokens can be read again",
    ]


def test_a_bug_in_reading_does_not_end_the_readings() -> None:
    answers: list[bytes | Exception] = [ZeroDivisionError("a bug"), Issuer().key_set()]

    def read() -> bytes:
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    with started(read, every=0.01) as keys:
        eventually(lambda: keys.find("first"))


def test_a_source_that_is_down_at_the_start_is_asked_again() -> None:
    read = Source("a")
    read.down = True
    with started(read, every=0.01) as keys:
        eventually(lambda: read.asked > 1)
        assert keys.current.number == 0
        read.down = False
        eventually(lambda: keys.find("a"))


def test_an_unknown_key_is_looked_for_once_and_nobody_waits() -> None:
    read = Source("a")
    with started(read) as keys:
        eventually(lambda: keys.find("a"))
        asked = read.asked
        read.issuer.algorithms["b"] = "EdDSA"
        read.may_answer.clear()
        assert [keys.find("b") for _ in range(100)] == [None] * 100
        eventually(lambda: read.asked > asked)
        assert keys.find("a")
        read.may_answer.set()
        eventually(lambda: "b" in keys.current.keys)
        assert [keys.find(f"unknown {number}") for number in range(100)] == [None] * 100
    assert read.asked == asked + 1


def test_an_unknown_key_is_looked_for_again_after_a_while() -> None:
    read = Source("a")
    with started(read, look=0) as keys:
        eventually(lambda: keys.find("a"))
        read.issuer.algorithms["b"] = "EdDSA"
        eventually(lambda: keys.find("b"))


def test_closing_does_not_wait_for_the_interval() -> None:
    read = Source("a")
    with started(read) as keys:
        eventually(lambda: keys.find("a"))
    assert not keys._thread.is_alive()  # noqa: SLF001 - nothing else tells


def test_a_file_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    path.write_bytes(b" " * (MAXIMUM_BYTES + 1))
    with pytest.raises(KeysError, match="more than"):
        source(str(path))()
    path.write_bytes(b" " * MAXIMUM_BYTES)
    assert len(source(str(path))()) == MAXIMUM_BYTES
    with pytest.raises(FileNotFoundError):
        source(str(tmp_path / "none"))()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def published(authority: trustme.CA) -> Iterator[KeyServer]:
    with KeyServer(Issuer({"a": "EdDSA"}), authority).running() as server:
        yield server


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    monkeypatch.setenv("SSL_CERT_FILE", str(path))


@pytest.mark.usefixtures("trusted")
def test_a_url_is_read_where_its_certificate_is_trusted(published: KeyServer) -> None:
    assert source(published.url)() == published.issuer.key_set()


def test_a_url_is_not_read_where_its_certificate_is_not_trusted(published: KeyServer) -> None:
    with pytest.raises(KeysError, match="SSLError"):
        source(published.url)()
    assert published.asked == 0


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("status", [301, 404, 503])
def test_another_answer_than_200_is_none(published: KeyServer, status: int) -> None:
    published.status = status
    with pytest.raises(KeysError, match=str(status)):
        source(published.url)()
    assert published.asked == 1


@pytest.mark.usefixtures("trusted")
def test_an_endless_body_is_cut_off(published: KeyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Issuer, "key_set", lambda _: b" " * (MAXIMUM_BYTES + 1))
    with pytest.raises(KeysError, match="more than"):
        source(published.url)()


@pytest.mark.usefixtures("trusted")
def test_a_body_that_takes_too_long_is_cut_off(published: KeyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ordergen_server.api.security.key_sources._TOTAL_SECONDS", -1.0)
    with pytest.raises(KeysError, match="longer"):
        source(published.url)()


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(KeysError, match="does not answer"):
        source("https://127.0.0.1:1/keys")()
