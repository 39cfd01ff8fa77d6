"""What the settings mean to each part that has a configuration of its own."""

from ordergen_server.api.security import Reflection, SecurityConfig, TlsFiles, TokenConfig, TokenRules
from ordergen_server.api.server import ServerConfig
from ordergen_server.configuration.settings import Settings


def server_config(settings: Settings, *, one_of_several: bool) -> ServerConfig:
    """Where the server listens, and how; one of several has no port of health."""
    return ServerConfig(
        host=settings.api_host,
        port=settings.port,
        health_port=None if one_of_several else settings.health_port,
        drain_seconds=settings.drain_seconds,
        health_interval_seconds=settings.health_interval_seconds,
        message_seconds=settings.message_seconds,
        health_host=settings.health_host,
        tls=_tls(settings),
        peer_connections=settings.maximum_peer_connections,
    )


def _tls(settings: Settings) -> TlsFiles | None:
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    return TlsFiles(settings.tls_certificate, settings.tls_key, settings.tls_client_ca)


def security_config(settings: Settings) -> SecurityConfig:
    """Who is let in."""
    rules = TokenRules(settings.token_issuer or "", settings.token_audience or "")
    keys = settings.token_keys
    return SecurityConfig(
        tokens=TokenConfig(keys, rules, settings.token_keys_seconds) if keys else None,
        certificates={name: frozenset(scopes.split()) for name, scopes in settings.tls_subjects.items()},
        reflection=Reflection(settings.reflection),
    )
