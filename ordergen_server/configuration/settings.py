"""Configuration by environment variables; docs/configuration.md is made from the descriptions."""

import os
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from ordergen_server.addresses import is_loopback
from ordergen_server.configuration.secret_files import SettingsWithSecrets
from ordergen_server.domain.subjects import SCOPES

_LOOPBACK, _ALL = "127.0.0.1", "0.0.0.0"  # noqa: S104 - the second is a container's one address
#: Compute processes on a machine of very many processors, where nobody says how many.
DEFAULT_PROCESSES = 8
MOST_PROCESSES = 256
Seconds = Annotated[float, Field(gt=0)]
Port = Annotated[int, Field(ge=0, le=65535)]
Count = Annotated[int, Field(ge=1)]
LogLevel = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR"], Field(description="DEBUG, INFO, WARNING or ERROR.")
]
LogFormat = Annotated[
    Literal["json", "console"], Field(description="`json`: one object a line; `console`: lines for eyes.")
]


class Settings(SettingsWithSecrets):
    """Settings of the server, from variables named `ORDERGEN_` and the field in capitals."""

    model_config = SettingsConfigDict(env_prefix="ORDERGEN_", frozen=True, hide_input_in_errors=True)

    host: str | None = Field(
        default=None,
        description="Address to listen on. Unset: all of the machine, but 127.0.0.1 for an API without TLS.",
    )
    port: Port = Field(default=8088, description="Port of the API; 0 takes a free one.")
    health_port: Port = Field(
        default=8089,
        description="Port of grpc.health.v1 alone, for probes while the API is busy; 0 takes a free one.",
    )
    insecure: bool = Field(
        default=False,
        description="Whether the API may be plain text beyond this machine: something else keeps it safe.",
    )
    tls_certificate: Path | None = Field(
        default=None, description="PEM file of the API's certificate and those up to its CA. Unset: no TLS."
    )
    tls_key: Path | None = Field(
        default=None, description="PEM file of its private key. All three are read again when they change."
    )
    tls_client_ca: Path | None = Field(
        default=None, description="PEM file of the CA of the clients; each must then have a certificate."
    )
    tls_subjects: dict[str, str] = Field(
        default={},
        description="JSON: scopes by the name of a client certificate (URI, DNS or common; `*`: any other),"
        ' as `{"desk.globeco": "ordergen:read ordergen:rebalance"}`.',
    )
    token_keys: str | None = Field(
        default=None,
        description="JSON Web Key Set that bearer tokens (JWT) are checked with: a file, or an https URL."
        " Unset: no tokens.",
    )
    token_issuer: str | None = Field(default=None, description="Who must have issued a token (`iss`).")
    token_audience: str | None = Field(default=None, description="For whom a token must be (`aud`).")
    token_keys_seconds: Seconds = Field(
        default=300,
        description="How often the key set is read again: a revoked key is accepted for so long.",
    )
    reflection: Literal["READERS", "EVERYBODY", "NOBODY"] = Field(
        default="READERS", description="Who may use reflection: READERS may `ordergen:read`."
    )
    processes: Count = Field(
        default=1,
        description="Processes that serve the port together; the other settings hold for each of them.",
    )
    mongodb_uri: SecretStr | None = Field(
        default=None, description="MongoDB to use. Unset: an embedded database of its own, in `data_folder`."
    )
    mongodb_database: str = Field(
        default="ordergen", pattern=r'^[^/\\. "$*<>:|?\x00]{1,63}$', description="Name of the database."
    )
    mongodb_pool_size: Count = Field(
        default=16,
        description="Connections to the database at most; more than keep the processor busy slow each other.",
    )
    mongodb_timeout_seconds: Seconds = Field(
        default=10, description="Time for one operation of the database, the wait for its turn included."
    )
    data_folder: Path = Field(
        default=Path("ordergen-data"), description="Where the embedded database keeps its files."
    )
    portfolio_accounting_url: str = Field(
        default="http://globeco-portfolio-accounting-service:8087",
        description="Portfolio accounting: cash and holdings.",
    )
    pricing_url: str = Field(
        default="http://globeco-pricing-service:8083", description="Pricing: prices by ticker."
    )
    security_url: str = Field(
        default="http://globeco-security-service:8000", description="Security: tickers."
    )
    portfolio_url: str = Field(
        default="http://globeco-portfolio-service:8000", description="Portfolio: names."
    )
    order_url: str | None = Field(
        default=None,
        description="Order: takes orders, and says which are open, as"
        " `http://globeco-order-service:8081`. Unset: there is none.",
    )
    order_send_seconds: float = Field(
        default=60,
        gt=30,
        description="Time for one sending of orders, which is never tried again: above the 30 s that the"
        " order service waits for each.",
    )
    order_settle_seconds: Seconds = Field(
        default=60,
        description="How far apart two readings of the order service must agree that an order in doubt is not"
        " there before it is sent again: longer than it may keep one waiting.",
    )
    maximum_proposal_age: Seconds = Field(
        default=86400, description="Seconds after which nothing of a run is sent any more."
    )
    maximum_price_age_days: int | None = Field(
        default=None,
        ge=0,
        le=3650,
        description="How many days before a run's date its prices may be of, where its options do not say."
        " Unset: any.",
    )
    approvals: int = Field(
        default=1,
        ge=0,
        le=2,
        description="How many people must approve a portfolio of a run before its orders may be sent: 0, 1,"
        " or 2 of whom none began the run.",
    )
    sibling_timeout_seconds: Seconds = Field(
        default=10,
        description="Time for one attempt of a call to a sibling; 30 at least for names and for orders.",
    )
    sibling_attempts: Count = Field(
        default=3, description="Attempts of a call to a sibling, the first included."
    )
    sibling_backoff_seconds: Seconds = Field(
        default=1, description="Wait before the second attempt; doubles with each, with jitter."
    )
    sibling_ca: Path | None = Field(
        default=None,
        description="PEM file with the certificates of who signs those of siblings over `https://` and "
        "`grpcs://`. Unset: whom the operating system trusts, over gRPC whom gRPC does.",
    )
    sibling_certificate: Path | None = Field(
        default=None,
        description="PEM file with our certificate and its chain, for siblings that ask for one.",
    )
    sibling_key: Path | None = Field(
        default=None, description="PEM file with the private key of that certificate, without a passphrase."
    )
    sibling_token: SecretStr | None = Field(
        default=None, description="Bearer token sent with every call to a sibling. Unset: none."
    )
    sibling_token_file: Path | None = Field(
        default=None, description="File with that token instead; it is read again when it changes."
    )
    sibling_token_insecure: bool = Field(
        default=False,
        description="Send the token also over `http://` and `grpc://`, where something else encrypts. "
        "Otherwise a server with a token and such a URL does not start.",
    )
    ticker_cache_seconds: Seconds = Field(default=600, description="How long tickers are kept.")
    price_cache_seconds: Seconds = Field(default=60, description="How long prices are kept.")
    maximum_calls: Count = Field(
        default=128,
        description="Calls of a kind (reading, changing, solving, resolving) worked on or waiting; "
        "more are refused.",
    )
    maximum_watchers: Count = Field(
        default=1000,
        description="Streams of runs, and cancels that wait for one to end, at once; more are refused.",
    )
    maximum_peer_connections: int = Field(
        default=400,
        ge=0,
        description="Connections of one address to the API, of the 800 that it takes; the newest of more are"
        " ended. 0: all of them.",
    )
    message_seconds: Seconds = Field(
        default=5, description="Time for the message of a call to come, from its headers on."
    )
    maximum_runs: Count = Field(
        default=4,
        description="Model runs at once; as many previews, and as many checks of drift, besides. More are"
        " refused.",
    )
    lease_seconds: Seconds = Field(
        default=15, description="A run of a server that is not heard of for so long is taken over."
    )
    portfolio_workers: Count = Field(default=16, description="Portfolios of all runs read at once.")
    compute_processes: int | None = Field(
        default=None,
        ge=0,
        le=MOST_PROCESSES,
        description="Processes that work on runs of models, and on checks of drift while there are none,"
        " beside each that answers calls; 0: its threads."
        " Unset: as many as there are processors, at most 8.",
    )
    dask_scheduler: str | None = Field(
        default=None,
        pattern=r"^(tcp|tls)://[^/@\s]+:\d{1,5}$",
        description="Dask scheduler whose workers work on runs instead, as `tcp://host:8786`.",
    )
    portfolio_rate: float = Field(
        default=0,
        ge=0,
        description="Portfolios of runs and checks of drift begun a second, at most, to spare the siblings."
        " 0: no limit.",
    )
    maximum_call_seconds: Seconds = Field(
        default=60, description="Time for a call whose caller does not say less."
    )
    maximum_run_seconds: Seconds = Field(default=3600, description="Time for the stream of a run, likewise.")
    drain_seconds: Seconds = Field(default=30, description="Time for calls in flight to end after SIGTERM.")
    health_interval_seconds: Seconds = Field(
        default=1, description="How often readiness looks at the database."
    )
    metrics_port: Port = Field(
        default=9090, description="Port of the metrics, plain HTTP; 0 takes a free one."
    )
    log_level: LogLevel = "INFO"
    log_format: LogFormat = "json"

    @property
    def compute_process_count(self) -> int:
        """Processes that work on runs, for one that answers calls."""
        if self.compute_processes is not None:
            return self.compute_processes
        return max(1, min(DEFAULT_PROCESSES, _processors()) // self.processes)

    @property
    def api_host(self) -> str:
        """Where the API listens."""
        return self.host or (_ALL if self.tls_certificate or self.insecure else _LOOPBACK)

    @property
    def health_host(self) -> str:
        """Where the health port listens, which is plain and open: it tells nothing but SERVING or not."""
        return self.host or _ALL

    @property
    def exposure(self) -> str:
        """Where the API is served, how, and what it asks of callers: the first line of the log."""
        way = "with TLS" if self.tls_certificate else "in plain text"
        asked = {"a bearer token": self.token_keys, "a client certificate": self.tls_client_ca}
        credentials = " and ".join(name for name, given in asked.items() if given) or "no credentials"
        return f"The API is served {way} on {self.api_host}, and asks for {credentials}."

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        problems = list(_problems(self))
        if problems:
            raise ValueError("; ".join(problems))
        return self


def _processors() -> int:
    """Those that this process may use, where the system tells."""
    usable: Callable[[int], Collection[int]] | None = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable else os.cpu_count() or 1


def _problems(settings: Settings) -> Iterator[str]:
    """What is not safe, or does not go together; in words that have no value of a setting in them."""
    plain = settings.tls_certificate is None
    if plain and not settings.insecure and not is_loopback(settings.api_host):
        yield (
            "ORDERGEN_HOST is not of this machine alone, and there is no TLS: set ORDERGEN_TLS_CERTIFICATE"
            " and ORDERGEN_TLS_KEY, or ORDERGEN_INSECURE=true where something else keeps the API safe"
        )
    if plain != (settings.tls_key is None):
        yield "ORDERGEN_TLS_CERTIFICATE and ORDERGEN_TLS_KEY need each other"
    if settings.tls_client_ca and plain:
        yield "ORDERGEN_TLS_CLIENT_CA needs ORDERGEN_TLS_CERTIFICATE"
    if settings.tls_subjects and not settings.tls_client_ca:
        yield "ORDERGEN_TLS_SUBJECTS needs ORDERGEN_TLS_CLIENT_CA"
    if settings.tls_client_ca and not (settings.tls_subjects or settings.token_keys):
        yield "ORDERGEN_TLS_CLIENT_CA needs ORDERGEN_TLS_SUBJECTS or ORDERGEN_TOKEN_KEYS: who is a client?"
    yield from _token_problems(settings)
    if settings.sibling_token is not None and settings.sibling_token_file is not None:
        yield "ORDERGEN_SIBLING_TOKEN and ORDERGEN_SIBLING_TOKEN_FILE are both given: give one of them"
    named = {scope for scopes in settings.tls_subjects.values() for scope in scopes.split()}
    if named - SCOPES:
        yield f"ORDERGEN_TLS_SUBJECTS may name the scopes {', '.join(sorted(SCOPES))}, and no others"


def _token_problems(settings: Settings) -> Iterator[str]:
    keys = settings.token_keys or ""
    if len({bool(one) for one in (keys, settings.token_issuer, settings.token_audience)}) > 1:
        yield "ORDERGEN_TOKEN_KEYS, ORDERGEN_TOKEN_ISSUER and ORDERGEN_TOKEN_AUDIENCE need each other"
    if "://" in keys and (not keys.startswith("https://") or "@" in urlsplit(keys).netloc):
        yield "ORDERGEN_TOKEN_KEYS must be a file, or an https URL without a password"
