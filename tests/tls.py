"""TLS on loopback: certificates that are good or bad in one way, and a proxy before plain servers."""

import select
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from tests.limits import PATIENCE

HOST = "127.0.0.1"
_BYTES = 65536


@dataclass(frozen=True)
class Files:
    """The PEM files of one who trusts an authority, and shows a certificate of it."""

    ca: Path
    certificate: Path
    key: Path
    both: Path


def written(folder: Path, authority: trustme.CA) -> Files:
    """The files of a client of `authority`."""
    folder.mkdir(exist_ok=True)
    files = Files(*(folder / name for name in ("ca.pem", "client.pem", "client.key", "client-and-key.pem")))
    client = authority.issue_cert("client.example", common_name="client")
    authority.cert_pem.write_to_path(str(files.ca))
    client.private_key_pem.write_to_path(str(files.key))
    client.cert_chain_pems[0].write_to_path(str(files.certificate))
    client.private_key_and_cert_chain_pem.write_to_path(str(files.both))
    return files


def good(authority: trustme.CA) -> trustme.LeafCert:
    return authority.issue_cert(HOST)


def of_another_name(authority: trustme.CA) -> trustme.LeafCert:
    return authority.issue_cert("other.example")


def expired(authority: trustme.CA) -> trustme.LeafCert:
    begun, ended = (datetime(year, 1, 1, tzinfo=UTC) for year in (2020, 2021))
    return authority.issue_cert(HOST, not_before=begun, not_after=ended)


def serving_context(certificate: trustme.LeafCert, clients_of: trustme.CA | None = None) -> ssl.SSLContext:
    """What a server needs; with `clients_of` it asks for a certificate of that authority."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["h2", "http/1.1"])
    certificate.configure_cert(context)
    if clients_of:
        clients_of.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class TlsProxy:
    """Speaks TLS on a port of loopback, and hands on to a plain port what it hears.

    Attributes:
        port: where it listens.
        heard: everything that clients said, decrypted.
        accepted: how many connections came, and how many of them shook hands.
        shaken: those of them.
    """

    def __init__(self, target: int, context: ssl.SSLContext) -> None:
        self.heard = bytearray()
        self.accepted = 0
        self.shaken = 0
        self._target = target
        self._context = context
        self._listener = socket.create_server((HOST, 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join(PATIENCE)
        for each in self._open:
            with suppress(OSError):
                socket.socket.shutdown(each, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)
        assert not any(thread.is_alive() for thread in self._threads)

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            plain.settimeout(PATIENCE)
            self.accepted += 1
            tls = self._context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
            self._open.append(tls)
            self._threads.append(threading.Thread(target=self._serve, args=(tls,)))
            self._threads[-1].start()

    def _serve(self, tls: ssl.SSLSocket) -> None:
        with tls:
            try:
                tls.do_handshake()
            except OSError:
                _linger(tls)
                return
            self.shaken += 1
            with suppress(OSError), socket.create_connection((HOST, self._target)) as plain:
                self._hand_on(tls, plain)

    def _hand_on(self, tls: ssl.SSLSocket, plain: socket.socket) -> None:
        while True:
            ready: Sequence[socket.socket] = (
                [tls] if tls.pending() else select.select([tls, plain], [], [])[0]
            )
            if tls in ready:
                said = tls.recv(_BYTES)
                self.heard += said
                if not said:
                    return
                plain.sendall(said)
            if plain in ready:
                answered = plain.recv(_BYTES)
                if not answered:
                    return
                tls.sendall(answered)


def _linger(tls: ssl.SSLSocket) -> None:
    """Let the client read why: to close a socket with something unread throws away what was sent, too."""
    with suppress(OSError):
        tls.shutdown(socket.SHUT_WR)  # of TLS there is nothing left
        while tls.recv(_BYTES):
            pass


@contextmanager
def tls_before(target: int, context: ssl.SSLContext) -> Iterator[TlsProxy]:
    """A proxy before a plain port of loopback, for the time of the block."""
    proxy = TlsProxy(target, context)
    try:
        yield proxy
    finally:
        proxy.close()


def with_names(authority: trustme.CA, *names: x509.GeneralName, common_name: str = "") -> trustme.LeafCert:
    """A client's certificate with names of any kind and form."""
    signer = x509.load_pem_x509_certificate(authority.cert_pem.bytes())
    signing = load_pem_private_key(authority.private_key_pem.bytes(), None)
    assert isinstance(signing, ec.EllipticCurvePrivateKey)
    own = ec.generate_private_key(ec.SECP256R1())
    common = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else []
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder(signer.subject, x509.Name(common), own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(1))
        .not_valid_after(now + timedelta(1))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=not common)
    key = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return trustme.LeafCert(key, builder.sign(signing, SHA256()).public_bytes(Encoding.PEM), [])
