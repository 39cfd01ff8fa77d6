"""How siblings are called: one frozen record a service, one for the caches, one for all."""

from dataclasses import dataclass, field, fields

from ordergen_server.siblings.calling.credentials import BearerToken, ClientTls


def _check_not_negative(config: "SiblingConfig | CacheConfig") -> None:
    for each in fields(config):
        value = getattr(config, each.name)
        if isinstance(value, int | float) and not value >= 0:
            raise ValueError(f"{each.name} must not be negative, not {value}")


@dataclass(frozen=True, slots=True)
class SiblingConfig:
    """How one service is called.

    Attributes:
        base_url: `http://host:port`, with a path where the service lies below one, or `grpc://host:port`;
            with TLS `https://` and `grpcs://`.
        timeout_seconds: the longest one attempt may take, from connecting to the last byte.
        attempts: how often a call is tried; 1 is never again.
        backoff_seconds: the pause before the second attempt; it doubles with every further one.
        maximum_backoff_seconds: no pause of ours is longer than this; one asked for by Retry-After may be.
        jitter_weight: each pause is longer by up to this part of itself, so that callers do not
            return in step.
        breaker_failures: failed attempts without a success between them that open the breaker ...
        breaker_failing_seconds: ... once they have gone on for so long: a hiccup shorter than the
            retries of a hundred concurrent calls must not turn those retries away.
        breaker_reset_seconds: how long an open breaker refuses calls before it lets one probe through.
        pool_size: attempts, and over HTTP connections, at once; more callers wait within their deadline.
        maximum_body_bytes: a longer answer is refused before it fills the memory.
        tls: certificates, where the base URL asks for TLS.
        token: sent with every call; None: no token.
        token_in_plain_text: whether it may be sent without TLS, because something else encrypts.
    """

    base_url: str
    timeout_seconds: float = 10.0
    attempts: int = 3
    backoff_seconds: float = 1.0
    maximum_backoff_seconds: float = 4.0
    jitter_weight: float = 0.25
    breaker_failures: int = 5
    breaker_failing_seconds: float = 5.0
    breaker_reset_seconds: float = 10.0
    pool_size: int = 16
    maximum_body_bytes: int = 64 * 1024 * 1024
    tls: ClientTls = field(default_factory=ClientTls)
    token: BearerToken | None = None
    token_in_plain_text: bool = False

    def __post_init__(self) -> None:
        _check_not_negative(self)
        for name in ("timeout_seconds", "attempts", "breaker_failures", "pool_size", "maximum_body_bytes"):
            if not getattr(self, name):
                raise ValueError(f"{name} must be above 0")


@dataclass(frozen=True, slots=True)
class CacheConfig:
    """How long answers are kept.

    Attributes:
        tickers_ttl_seconds: age from which the tickers of securities are read again.
        prices_ttl_seconds: age from which prices are read again; an older price is never used.
        orders_ttl_seconds: age from which open orders are read again; who begins a run may miss those that
            another server sent so shortly before.
        names_ttl_seconds: age from which the names of portfolios are read again.
        refresh_seconds: a security or portfolio that is not among those kept is looked for again before
            their age asks for it, at most once in this time.
        names_wait_seconds: from when the names are being read on, callers who can do without wait for them no
            longer than this.
        names_read_seconds: time to read the names, in the background, all attempts together.
        names_pause_seconds: after the portfolio service failed, it is not asked for so long.
    """

    tickers_ttl_seconds: float = 600.0
    prices_ttl_seconds: float = 60.0
    orders_ttl_seconds: float = 2.0
    names_ttl_seconds: float = 600.0
    refresh_seconds: float = 30.0
    names_wait_seconds: float = 3.0
    names_read_seconds: float = 90.0
    names_pause_seconds: float = 30.0

    def __post_init__(self) -> None:
        _check_not_negative(self)


@dataclass(frozen=True, slots=True)
class SiblingsConfig:
    """How every sibling is called; the defaults are the services' addresses in the cluster.

    Attributes:
        order: how orders are looked up in the order service; None: there is no order service.
        order_send_seconds: the longest one sending of orders may take: the order service waits 30 s for each
            of them, and who gives up before it knows less than it does.
    """

    portfolio_accounting: SiblingConfig = SiblingConfig(
        "http://globeco-portfolio-accounting-service:8087",
        pool_size=32,
        # One portfolio an answer, not a whole market: 100 positions take 17 KB.
        maximum_body_bytes=8 * 1024 * 1024,
    )
    pricing: SiblingConfig = SiblingConfig("http://globeco-pricing-service:8083")
    security: SiblingConfig = SiblingConfig("http://globeco-security-service:8000")
    # All names in one answer, and nobody waits for the whole of it.
    portfolio: SiblingConfig = SiblingConfig("http://globeco-portfolio-service:8000", timeout_seconds=30.0)
    order: SiblingConfig | None = None
    order_send_seconds: float = 60.0
    cache: CacheConfig = field(default_factory=CacheConfig)
