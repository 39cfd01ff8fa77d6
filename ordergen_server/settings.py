"""Configuration by environment variables; docs/configuration.md is made from the descriptions."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from ordergen_server.secret_files import SecretFiles

Seconds = Annotated[float, Field(gt=0)]
Port = Annotated[int, Field(ge=0, le=65535)]
Count = Annotated[int, Field(ge=1)]


class Settings(BaseSettings):
    """Settings of the server, from variables named `ORDERGEN_` and the field in capitals."""

    model_config = SettingsConfigDict(env_prefix="ORDERGEN_", frozen=True, hide_input_in_errors=True)

    host: str = Field(default="0.0.0.0", description="Address to listen on.")  # noqa: S104 - a container's one address
    port: Port = Field(default=8088, description="Port of the API; 0 takes a free one.")
    health_port: Port = Field(
        default=8089,
        description="Port of grpc.health.v1 alone, for probes while the API is busy; 0 takes a free one.",
    )
    processes: Count = Field(
        default=1,
        description="Processes that serve the port together; the other settings hold for each of them.",
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
        description="Calls of a kind (reading, changing, solving) worked on or waiting; more are refused.",
    )
    maximum_watchers: Count = Field(default=1000, description="Streams of runs at once. More are refused.")
    message_seconds: Seconds = Field(
        default=5, description="Time for the message of a call to come, from its headers on."
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
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="DEBUG, INFO, WARNING or ERROR."
    )

    @model_validator(mode="after")
    def _one_token(self) -> Self:
        if self.sibling_token is not None and self.sibling_token_file is not None:
            raise ValueError(
                "ORDERGEN_SIBLING_TOKEN and ORDERGEN_SIBLING_TOKEN_FILE are both given: give one of them"
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then variables, then the files of secrets that variables name."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, SecretFiles(settings_cls)
