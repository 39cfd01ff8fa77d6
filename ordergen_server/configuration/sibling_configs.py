"""What the settings mean to the siblings' clients; workers need it that know nothing of an API."""

from dataclasses import replace

from ordergen_server.configuration.settings import Settings
from ordergen_server.siblings import BearerToken, CacheConfig, ClientTls, SiblingConfig, SiblingsConfig

#: A summary of one portfolio; 100 positions take 17 KB.
MAXIMUM_SUMMARY_BYTES = 8 * 1024 * 1024

#: One attempt to read the names of all portfolios, in the background: 20,000 are 2.6 MB, and nobody waits.
NAMES_SECONDS = 30.0
#: One attempt to read all open orders, which are many pages.
ORDERS_SECONDS = 30.0


def _token(settings: Settings) -> BearerToken | None:
    if settings.sibling_token_file:
        return BearerToken.of_file(settings.sibling_token_file)
    return BearerToken(settings.sibling_token.get_secret_value) if settings.sibling_token else None


def siblings_config(settings: Settings, readers: int) -> SiblingsConfig:
    """Where the siblings are, how they are trusted, and how long they may take; `readers` ask at once."""
    tls = ClientTls(settings.sibling_ca, settings.sibling_certificate, settings.sibling_key)
    token = _token(settings)

    def sibling(url: str) -> SiblingConfig:
        return SiblingConfig(
            url,
            timeout_seconds=settings.sibling_timeout_seconds,
            attempts=settings.sibling_attempts,
            backoff_seconds=settings.sibling_backoff_seconds,
            pool_size=readers,
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
        order=replace(
            sibling(settings.order_url), timeout_seconds=max(settings.sibling_timeout_seconds, ORDERS_SECONDS)
        )
        if settings.order_url
        else None,
        order_send_seconds=settings.order_send_seconds,
        cache=CacheConfig(
            tickers_ttl_seconds=settings.ticker_cache_seconds, prices_ttl_seconds=settings.price_cache_seconds
        ),
    )
