"""Configuration of the REST front by environment variables named `ORDERGEN_REST_...`."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ordergen_client.connecting.credentials import is_this_machine
from ordergen_server.addresses import is_loopback
from ordergen_server.configuration.settings import Count, LogFormat, LogLevel, Port, Seconds

_LOOPBACK, _ALL = "127.0.0.1", "0.0.0.0"  # noqa: S104 - the second is a container's one address

Origin = Annotated[str, StringConstraints(pattern=r"^(\*|https?://[^/\s]+)$")]


class RestSettings(BaseSettings):
    """Settings of the REST front, from variables named `ORDERGEN_REST_` and the field in capitals."""

    model_config = SettingsConfigDict(env_prefix="ORDERGEN_REST_", frozen=True, hide_input_in_errors=True)

    host: str | None = Field(
        default=None,
        description="Address to listen on. Unset: all of the machine, but 127.0.0.1 without TLS.",
    )
    port: Port = Field(default=8080, description="Port of HTTP; 0 takes a free one.")
    insecure: bool = Field(
        default=False,
        description="Whether HTTP, and the way to the API, may be plain text beyond this machine: something"
        " else keeps them safe.",
    )
    tls_certificate: Path | None = Field(
        default=None, description="PEM file of the certificate and those up to its CA. Unset: no TLS."
    )
    tls_key: Path | None = Field(
        default=None, description="PEM file of its private key. Both are read again when they change."
    )
    target: str = Field(
        default="localhost:8088",
        min_length=1,
        description="The gRPC API: `host:port`, or `dns:///host:port` to spread calls over every server.",
    )
    target_ca: Path | None = Field(
        default=None, description="PEM file of whoever signed the API's certificate. Unset: plain text."
    )
    target_certificate: Path | None = Field(
        default=None,
        description="PEM file with our certificate, for an API that asks for one. Give it no scopes: callers"
        " show their own tokens.",
    )
    target_key: Path | None = Field(default=None, description="PEM file with its private key.")
    root_path: str = Field(
        default="",
        pattern=r"^(/[A-Za-z0-9._~-]+)*$",
        description="Prefix that a gateway leaves in paths, as `/order-gen`; others are answered, too.",
    )
    cors_origins: tuple[Origin, ...] = Field(
        default=(),
        description='JSON list of origins whose pages may call, as `["https://portal.globeco"]`.',
    )
    timeout_seconds: Seconds = Field(
        default=15,
        description="Time for a request that does not say its own (`Grpc-Timeout`, or"
        " `X-Envoy-Expected-Rq-Timeout-Ms`).",
    )
    stream_seconds: Seconds = Field(
        default=3600,
        description="Time for a stream of events that does not say its own.",
    )
    stream_comment_seconds: Seconds = Field(
        default=15, description="After so long without an event a stream has a comment, which keeps it open."
    )
    maximum_streams: Count = Field(
        default=128, description="Streams open at once, of the requests worked on; more are answered 429."
    )
    maximum_reports: Count = Field(
        default=2,
        description="Reports written or sent at once, of the requests worked on; more are answered 429.",
    )
    maximum_requests: Count = Field(
        default=256, description="Requests worked on at once; more are answered 429."
    )
    maximum_body_bytes: Count = Field(
        default=4 * 1024 * 1024, description="Bytes of a body; more are answered 413."
    )
    maximum_connections: Count = Field(default=1000, description="Connections at once; more are ended.")
    maximum_peer_connections: Count = Field(
        default=500, description="Connections of one address at once; the newest of more are ended."
    )
    message_seconds: Seconds = Field(
        default=5, description="Time for the headers of a request to come, and for its body after them."
    )
    drain_seconds: Seconds = Field(
        default=30, description="Time for requests in flight to end after SIGTERM."
    )
    log_level: LogLevel = "INFO"
    log_format: LogFormat = "json"

    @property
    def listening_host(self) -> str:
        """Where HTTP is served."""
        return self.host or (_ALL if self.tls_certificate or self.insecure else _LOOPBACK)

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("ORDERGEN_REST_TLS_CERTIFICATE and ORDERGEN_REST_TLS_KEY need each other")
        if (self.target_certificate is None) != (self.target_key is None):
            raise ValueError("ORDERGEN_REST_TARGET_CERTIFICATE and ORDERGEN_REST_TARGET_KEY need each other")
        if self.target_certificate and self.target_ca is None:
            raise ValueError("ORDERGEN_REST_TARGET_CERTIFICATE needs ORDERGEN_REST_TARGET_CA")
        if self.insecure:
            return self
        if self.tls_certificate is None and not is_loopback(self.listening_host):
            raise ValueError(
                "ORDERGEN_REST_HOST is not of this machine alone, and there is no TLS: set"
                " ORDERGEN_REST_TLS_CERTIFICATE and ORDERGEN_REST_TLS_KEY, or ORDERGEN_REST_INSECURE=true"
                " where something else keeps it safe"
            )
        if self.target_ca is None and not is_this_machine(self.target):
            raise ValueError(
                "ORDERGEN_REST_TARGET is not on this machine, and there is no TLS to it: set"
                " ORDERGEN_REST_TARGET_CA, or ORDERGEN_REST_INSECURE=true where something else keeps it safe"
            )
        return self
