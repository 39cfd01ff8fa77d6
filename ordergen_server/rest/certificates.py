"""The certificate of the port, read again when its files change."""

import logging
import ssl
from pathlib import Path
from threading import Event, Thread

_log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0


class Renewal:
    """Puts a new certificate and key into a context that is in use, once they are a pair.

    Args:
        context: connections that begin after the change have what is in it.
        certificate: PEM file, with those up to its CA.
        key: PEM file of its private key.
    """

    def __init__(self, context: ssl.SSLContext, certificate: Path, key: Path) -> None:
        self._context = context
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

    def _renew(self) -> bool:
        """Whether the files were a pair. Loading half of one into the context in use would spoil it."""
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*self._files)
            self._context.load_cert_chain(*self._files)  # it fails where they changed since: then once more
        except OSError as error:
            _log.warning("the new certificate is not used yet: %s", error)
            return False
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
