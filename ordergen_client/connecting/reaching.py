"""Why a server cannot be reached, in words: asked with sockets of its own, as gRPC does not tell it well."""

import errno
import os
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass

from ordergen_client.connecting.credentials import Tls

#: How long each step may take.
STEP_SECONDS = 3.0
_DEFAULT_PORT = 443  # what gRPC takes where a target names none
#: The first bytes of HTTP/2, and an empty SETTINGS frame.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"


@dataclass(frozen=True, slots=True)
class Step:
    """One step on the way to a server; `advice` is what to do where it failed."""

    name: str
    told: str
    advice: str = ""

    @property
    def failed(self) -> bool:
        """Whether the way ends here."""
        return bool(self.advice)


def way_to(target: str, tls: Tls | None) -> list[Step]:
    """The steps to a server of `host:port`, up to the first that fails; none for another kind of target."""
    place = _place(target)
    if place is None:
        return []
    host, port = place
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return [Step("Name", f"{host} is no name that this machine knows", "Is it spelt right?")]
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    named = Step("Name", f"{host} is {', '.join(addresses)}")
    return [named, *_connected(host, port, addresses, tls)]


def _place(target: str) -> tuple[str, int] | None:
    """The host and port of a target; None where it is of another kind, such as unix:."""
    if target.startswith(("dns:", "ipv4:", "ipv6:")):
        target = target.rpartition("/")[2] if "/" in target else target.partition(":")[2]
    host, colon, port = target.rpartition(":")
    if not colon or not port.isdecimal() or host.startswith(("unix", "xds")):
        return None
    return host.strip("[]"), int(port)


def _connected(host: str, port: int, addresses: list[str], tls: Tls | None) -> list[Step]:
    reasons = {}
    for address in addresses:
        try:
            with socket.create_connection((address, port), STEP_SECONDS) as connection:
                opened = Step("Connection", f"{address} port {port} answers")
                return [opened, _spoken(connection, host, tls)]
        except OSError as error:
            reasons[address] = _why(error)
    told = "; ".join(f"{address} port {port} {reason}" for address, reason in reasons.items())
    return [Step("Connection", told, "Is the service running there, and is nothing between that forbids it?")]


def _why(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return f"does not answer within {STEP_SECONDS:g} s"
    if error.errno == errno.ECONNREFUSED:
        return "refuses connections"
    return f"cannot be reached ({os.strerror(error.errno) if error.errno else error})"


def _spoken(connection: socket.socket, host: str, tls: Tls | None) -> Step:
    if tls is not None:
        return _secured(connection, host, tls)
    heard = _first_bytes(connection)
    if heard[3:4] == b"\4":  # a server's SETTINGS come first, as they must in HTTP/2
        return Step("Protocol", "plain text")
    with suppress(OSError):
        if _speaks_tls(host, connection.getpeername()):
            return Step("Protocol", "it speaks TLS, and we do not", "Give --tls, or --ca FILE of its CA.")
    told = "what answers speaks no gRPC" if heard else "what listens there says nothing"
    return Step("Protocol", told, "Is it another program that listens on this port?")


def _first_bytes(connection: socket.socket) -> bytes:
    """What is answered to the beginning of HTTP/2; nothing where nothing is."""
    try:
        connection.settimeout(STEP_SECONDS)
        connection.sendall(_PREFACE)
        return connection.recv(9)
    except OSError:
        return b""


def _speaks_tls(host: str, address: tuple[str, int]) -> bool:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # nothing is told to it
    try:
        with (
            socket.create_connection(address[:2], STEP_SECONDS) as connection,
            context.wrap_socket(connection, server_hostname=host),
        ):
            return True
    except OSError:
        return False


def _secured(connection: socket.socket, host: str, tls: Tls) -> Step:
    try:
        context = ssl.create_default_context(cafile=tls.ca)
        context.set_alpn_protocols(["h2"])
        if tls.certificate and tls.key:
            context.load_cert_chain(tls.certificate, tls.key)
        with context.wrap_socket(connection, server_hostname=host) as secured:
            version = secured.version()
            secured.sendall(_PREFACE)
            if secured.recv(9):  # with TLS 1.3 what it thinks of our certificate is told here
                return Step("TLS", f"{version}, its certificate is trusted")
            return Step("TLS", "it refuses us: it ended the connection", _OWN_CERTIFICATE)
    except ssl.SSLCertVerificationError as error:
        return Step("TLS", f"its certificate is not trusted: {error.verify_message}", _CERTIFICATE_ADVICE)
    except ssl.SSLError as error:
        return _refused(error)
    except OSError as error:
        return Step("TLS", f"the connection ended: {_why(error)}", "Does it speak TLS?")


_OWN_CERTIFICATE = "Give a certificate that it accepts: --certificate, --key."
_CERTIFICATE_ADVICE = "Give the CA that signed it with --ca FILE, and the name that it has in --target."


def _refused(error: ssl.SSLError) -> Step:
    reason = (error.reason or "").replace("_", " ").lower()
    if "certificate required" in reason or "alert" in reason:
        return Step("TLS", f"it refuses us: {reason}", _OWN_CERTIFICATE)
    if "wrong version" in reason or "record layer" in reason:
        return Step("TLS", "it speaks plain text, and we TLS", "Leave --tls and its files out.")
    return Step("TLS", reason or "the handshake failed", "Are the files of TLS the right ones?")
