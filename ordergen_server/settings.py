"""Configuration by environment variables; docs/configuration.md is made from the descriptions."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

Seconds = Annotated[float, Field(gt=0)]
Port = Annotated[int, Field(ge=0, le=65535)]
Count = Annotated[int, Field(ge=1)]


class Settings(BaseSettings):
    """Settings of the server, from variables named `ORDERGEN_` and the field in capitals."""

    model_config = SettingsConfigDict(env_prefix="ORDERGEN_", frozen=True)

    host: str = Field(default="0.0.0.0", description="Address to listen on.")  # noqa: S104 - a container's one address
    port: Port = Field(default=8088, description="Port of the API; 0 takes a free one.")
    health_port: Port = Field(
        default=8089,
        description="Port of grpc.health.v1 alone, for probes while the API is busy; 0 takes a free one.",
    )
    mongodb_uri: SecretStr | None = Field(
        default=None, description="MongoDB to use. Unset: an embedded database of its own, in `data_folder`."
    )
    mongodb_database: str = Field(default="ordergen", description="Name of the database.")
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
    sibling_timeout_seconds: Seconds = Field(
        default=10,
        description="Time for one attempt of a call to a sibling; 30 at least for names.",
    )
    sibling_attempts: Count = Field(
        default=3, description="Attempts of a call to a sibling, the first included."
    )
    sibling_backoff_seconds: Seconds = Field(
        default=1, description="Wait before the second attempt; doubles with each, with jitter."
    )
    ticker_cache_seconds: Seconds = Field(default=600, description="How long tickers are kept.")
    price_cache_seconds: Seconds = Field(default=60, description="How long prices are kept.")
    maximum_calls: Count = Field(
        default=128, description="Calls worked on at once; a stream is a call. More are refused."
    )
    maximum_runs: Count = Field(default=4, description="Model runs carried out at once. More are refused.")
    lease_seconds: Seconds = Field(
        default=15, description="A run of a server that is not heard of for so long is taken over."
    )
    portfolio_workers: Count = Field(default=16, description="Portfolios of all runs worked on at once.")
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
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="DEBUG, INFO, WARNING or ERROR."
    )
    log_format: Literal["json", "console"] = Field(
        default="json", description="`json`: one object a line; `console`: lines for eyes."
    )
