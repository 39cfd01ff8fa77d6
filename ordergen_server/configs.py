"""What the settings mean to each part that has a configuration of its own."""

from dataclasses import replace

from ordergen_server.api.security import Reflection, SecurityConfig, TlsFiles, TokenConfig, TokenRules
from ordergen_server.api.server import ServerConfig
from ordergen_server.settings import Settings
from ordergen_server.siblings import BearerToken, CacheConfig, ClientTls, SiblingConfig, SiblingsConfig

#: A summary of one portfolio; 100 positions take 17 KB.
MAXIMUM_SUMMARY_BYTES = 8 * 1024 * 1024

#: One attempt to read the names of all portfolios, in the background: 20,000 are 2.6 MB, and nobody waits.
NAMES_SECONDS = 30.0


def _token(settings: Settings) -> BearerToken | None:
    if settings.sibling_token_file:
        return BearerToken.of_file(settings.sibling_token_file)
    return BearerToken(settings.sibling_token.get_secret_value) if settings.sibling_token else None


def siblings_config(settings: Settings) -> SiblingsConfig:
    """Where the siblings are, how they are trusted, and how long they may take."""
    tls = ClientTls(settings.sibling_ca, settings.sibling_certificate, settings.sibling_key)
    token = _token(settings)

    def sibling(url: str) -> SiblingConfig:
        return SiblingConfig(
            url,
            timeout_seconds=settings.sibling_timeout_seconds,
            attempts=settings.sibling_attempts,
            backoff_seconds=settings.sibling_backoff_seconds,
            pool_size=settings.portfolio_workers,
            tls=tls,
            token=token,
            token_in_plain_text=settings.sibling_token_insecure,
        )

    return SiblingsConfig(
        portfolio_accounting=replace(
            sibling(settings.portfolio_accounting_url), maximum_body_bytes=MAXIMUM_SUMMARY_BYTES
        ),
        pricing=sibling(settings.pricing_url),
        security=sibling(settings.security_url),
        portfolio=replace(
            sibling(settings.portfolio_url),
            timeout_seconds=max(settings.sibling_timeout_seconds, NAMES_SECONDS),
        ),
        cache=CacheConfig(
            tickers_ttl_seconds=settings.ticker_cache_seconds, prices_ttl_seconds=settings.price_cache_seconds
        ),
    )


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
