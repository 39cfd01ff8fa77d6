"""The certificate of the port, read again when its files change."""

import logging
import ssl
from pathlib import Path
from threading import Event, Thread

_log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0


class Renewal:
    """Has a context show a new certificate and key, once they are a pair.

    A context in use is left as it is: while a certificate and then its key are put into it, whoever
    begins a connection is refused. Each handshake is given the newest context instead.

    Args:
        context: connections that begin with it after the change are shown the new certificate.
        certificate: PEM file, with those up to its CA.
        key: PEM file of its private key.
    """

    def __init__(self, context: ssl.SSLContext, certificate: Path, key: Path) -> None:
        self._newest = context
        context.sni_callback = self._choose  # it is called where a client names no server, too
        self._files = certificate, key
        self._seen = self._stamps()
        self._closing = Event()
        self._thread = Thread(target=self._run, name="certificate", daemon=True)

    def start(self) -> None:
        """Look from now on."""
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing.wait(LOOK_SECONDS):
            stamps = self._stamps()
            if stamps != self._seen and self._renew():
                self._seen = stamps

    def _choose(self, one: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        one.context = self._newest

    def _renew(self) -> bool:
        """Whether the files were a pair."""
        try:
            newest = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            newest.load_cert_chain(*self._files)
        except OSError as error:
            _log.warning("the new certificate is not used yet: %s", error)
            return False
        self._newest = newest
        _log.info("the certificate is renewed")
        return True

    def _stamps(self) -> tuple[int, ...]:
        """When the files were last changed; nothing where one is missing for a moment."""
        try:
            return tuple(
                stamp for one in self._files for stamp in (one.stat().st_mtime_ns, one.stat().st_ino)
            )
        except OSError:
            return ()
