"""Ports that nobody listens on."""

import socket


def free_port() -> int:
    """A port of this machine that was free a moment ago, for what must be found again where it was."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number
