"""Addresses to listen on, as sockets have them and as gRPC does."""

import socket
from ipaddress import ip_address


def unbracketed(host: str) -> str:
    """A host without the brackets that gRPC wants around an IPv6 address."""
    return host.strip("[]")


def family_of(host: str) -> socket.AddressFamily:
    """The kind of sockets that a host is for."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def with_port(host: str, port: int) -> str:
    """Host and port as gRPC has them, whether an IPv6 address comes in brackets or not."""
    return f"[{unbracketed(host)}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether who listens there is heard on this machine alone."""
    try:
        return ip_address(unbracketed(host)).is_loopback
    except ValueError:
        return host == "localhost"
