"""Siblings over TLS, by real servers on loopback: whom we trust, who trusts us, and that files may change."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from ordergen_server.domain.errors import SiblingUnavailable
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from ordergen_server.siblings import ClientTls, SiblingConfig
from ordergen_server.siblings.calling.deadlines import Deadline
from ordergen_server.siblings.reading.grpc_readers import GrpcPriceReader
from ordergen_server.siblings.reading.http_readers import HttpPriceReader
from tests import tls
from tests.integration.siblings.broken import PATIENT
from tests.limits import PATIENCE
from tests.tls import Files, TlsProxy, serving_context, tls_before

pytestmark = pytest.mark.parametrize("scheme", ["https", "grpcs"])
SECURITIES = 20
Reader = HttpPriceReader | GrpcPriceReader
READERS: dict[str, Callable[[SiblingConfig], Reader]] = {"https": HttpPriceReader, "grpcs": GrpcPriceReader}
Certificate = Callable[[trustme.CA], trustme.LeafCert]


@pytest.fixture(scope="module")
def stranger() -> trustme.CA:
    return trustme.CA()


def port_of(siblings: SimulatedSiblings, scheme: str) -> int:
    url = siblings.pricing_url if scheme == "https" else siblings.grpc_url
    return int(url.rpartition(":")[2])


def at(scheme: str, proxy: TlsProxy, files: ClientTls) -> SiblingConfig:
    url = f"{scheme}://{tls.HOST}:{proxy.port}"
    return SiblingConfig(url, timeout_seconds=PATIENCE, backoff_seconds=0.02, pool_size=4, tls=files)


@contextmanager
def reading(config: SiblingConfig) -> Iterator[Reader]:
    with closing(READERS[config.base_url.partition(":")[0]](config)) as reader:
        yield reader


def prices(reader: Reader) -> int:
    return len(reader.read_prices(Deadline(PATIENT)))


def why_not(config: SiblingConfig) -> str:
    """Why there are no prices."""
    with reading(config) as reader, pytest.raises(SiblingUnavailable) as caught:
        prices(reader)
    assert caught.value.metadata == {"service": "pricing"}
    return str(caught.value)


def test_prices_come(scheme: str, siblings: SimulatedSiblings, authority: trustme.CA, files: Files) -> None:
    context = serving_context(tls.good(authority))
    with tls_before(port_of(siblings, scheme), context) as proxy:
        with reading(at(scheme, proxy, ClientTls(files.ca))) as reader:
            assert [prices(reader), prices(reader)] == [SECURITIES, SECURITIES]
        assert (proxy.accepted, proxy.shaken) == (1, 1)


BAD: dict[str, tuple[Certificate, str]] = {
    "expired": (tls.expired, "has a certificate that is not trusted (certificate has expired;"),
    "other name": (tls.of_another_name, "has a certificate of another name than the one in its base URL"),
    "self-signed": (lambda _: tls.good(trustme.CA()), "has a certificate that is not trusted (unable to get"),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_certificate_that_is_not_good(
    scheme: str, siblings: SimulatedSiblings, authority: trustme.CA, files: Files, bad: str
) -> None:
    """One look is enough to see it: there is no second attempt, and no request."""
    certificate, told = BAD[bad]
    with tls_before(port_of(siblings, scheme), serving_context(certificate(authority))) as proxy:
        assert told in why_not(at(scheme, proxy, ClientTls(files.ca)))
        assert (proxy.accepted, bytes(proxy.heard)) == (1, b"")
    assert siblings.calls("pricing") == {}


def test_who_asks_for_our_certificate_gets_it(
    scheme: str, siblings: SimulatedSiblings, authority: trustme.CA, files: Files
) -> None:
    context = serving_context(tls.good(authority), clients_of=authority)
    with tls_before(port_of(siblings, scheme), context) as proxy:
        assert "certificate of ours" in why_not(at(scheme, proxy, ClientTls(files.ca)))
        ours = ClientTls(files.ca, files.certificate, files.key)
        with reading(at(scheme, proxy, ours)) as reader:
            assert prices(reader) == SECURITIES


def test_who_does_not_trust_our_certificate_is_not_asked_again(
    scheme: str, siblings: SimulatedSiblings, authority: trustme.CA, stranger: trustme.CA, files: Files
) -> None:
    context = serving_context(tls.good(authority), clients_of=stranger)
    with tls_before(port_of(siblings, scheme), context) as proxy:
        ours = ClientTls(files.ca, files.certificate, files.key)
        told = why_not(at(scheme, proxy, ours))
        assert "it may not trust our certificate" in told or "refused our TLS connection: tlsv1 alert" in told
        assert bytes(proxy.heard) == b""


def test_a_port_without_tls_says_so(scheme: str, siblings: SimulatedSiblings, files: Files) -> None:
    url = f"{scheme}://{tls.HOST}:{port_of(siblings, 'https')}"
    config = SiblingConfig(url, timeout_seconds=PATIENCE, tls=ClientTls(files.ca))
    assert "does not speak TLS at its port" in why_not(config)


def test_whom_the_system_trusts_is_not_the_authority_of_a_test(
    scheme: str, siblings: SimulatedSiblings, authority: trustme.CA
) -> None:
    with tls_before(port_of(siblings, scheme), serving_context(tls.good(authority))) as proxy:
        assert "has a certificate that is not trusted" in why_not(at(scheme, proxy, ClientTls()))


def test_files_that_change_are_used(
    scheme: str, siblings: SimulatedSiblings, authority: trustme.CA, stranger: trustme.CA, tmp_path: Path
) -> None:
    """From the next connection on, over gRPC at once; what cannot be used leaves the former in place."""
    ours = tls.written(tmp_path, stranger)
    files = ClientTls(ours.ca, ours.certificate, ours.key)
    context = serving_context(tls.good(authority), clients_of=authority)
    with tls_before(port_of(siblings, scheme), context) as proxy:
        with reading(replace(at(scheme, proxy, files), breaker_failures=100)) as reader:
            with pytest.raises(SiblingUnavailable, match="is not trusted"):
                prices(reader)
            tls.written(tmp_path, authority)
            assert prices(reader) == SECURITIES
            ours.key.write_text("no key")
            assert prices(reader) == SECURITIES
            tls.written(tmp_path, stranger)
        if scheme == "grpcs":
            with reading(at(scheme, proxy, files)) as reader, pytest.raises(SiblingUnavailable):
                prices(reader)
