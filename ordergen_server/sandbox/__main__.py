"""The whole stack on one machine: database, simulated siblings and server, until Ctrl-C."""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import SecretStr

from ordergen_server.api.telemetry.logs import logging_to
from ordergen_server.bootstrap import serving
from ordergen_server.configuration.settings import Settings
from ordergen_server.domain.errors import OrderGenerationError
from ordergen_server.domain.subjects import READ
from ordergen_server.sandbox.commands import commands
from ordergen_server.sandbox.credentials import AUDIENCE, CLIENT, ISSUER, Credentials, make_credentials
from ordergen_server.sandbox.database.embedded import EmbeddedDatabase, EmbeddedDatabaseError
from ordergen_server.sandbox.database.supervised import SupervisedProcessError
from ordergen_server.sandbox.market.portfolios import SuggestedModel
from ordergen_server.sandbox.rest_front import RestFrontError, rest_front
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from ordergen_server.stop_signals import stop_at_end_of_input, stop_signals, wait_for

_TOKENS, _MUTUAL = "tokens", "mutual"
#: So many portfolios are worth compute processes, which take a second to begin.
PROCESSES_FROM = 500


@dataclass(frozen=True, slots=True)
class Stack:
    """Where the parts of a running stack are."""

    target: str
    health_target: str
    mongodb_uri: str
    siblings: dict[str, str]
    siblings_grpc: str
    rest: str
    model: SuggestedModel
    credentials: Credentials | None = None
    mutual: bool = False

    def as_json(self) -> str:
        """One line for programs."""
        positions = [
            {name: str(getattr(line, name)) for name in ("security_id", "target", "low_drift", "high_drift")}
            for line in self.model.positions
        ]
        model = {
            "name": self.model.name,
            "positions": positions,
            "portfolio_ids": list(self.model.portfolio_ids),
        }
        return json.dumps(
            {
                "target": self.target,
                "health_target": self.health_target,
                "mongodb_uri": self.mongodb_uri,
                "siblings": self.siblings,
                "siblings_grpc": self.siblings_grpc,
                "rest": self.rest,
                "model": model,
                "credentials": self.credentials.as_json() if self.credentials else None,
                "commands": self._commands(),
            }
        )

    def as_text(self) -> str:
        """How to talk to it, for people."""
        portfolio = self.model.portfolio_ids[0]
        lines = [
            f"Order generation service   {self.target}   (health alone: {self.health_target})",
            f"HTTP and JSON              {self.rest}   (documented: {self.rest}/docs)",
            f"Database                   {self.mongodb_uri}",
            *(f"Sibling {name:<18} {url}" for name, url in self.siblings.items()),
            f"Siblings over gRPC         {self.siblings_grpc}",
            "",
            f"First portfolio {portfolio} of {len(self.model.portfolio_ids)}.",
            f"First security  {self.model.positions[0].security_id} of its market.",
            *self._commands(),
            "Ctrl-C stops everything.",
        ]
        return "\n".join(lines)

    def _commands(self) -> list[str]:
        return list(commands(self.target, self.model, self.credentials, mutual=self.mutual))


@contextmanager
def running_stack(options: argparse.Namespace, folder: Path) -> Iterator[Stack]:
    """Start every part; they end with the block, or with this process."""
    if options.portfolios < 1:
        raise ValueError(f"portfolios must be at least 1, got {options.portfolios}")
    credentials = make_credentials(folder / "credentials") if options.secure else None
    mutual = options.secure == _MUTUAL
    secured = _secured(credentials, mutual=mutual)
    with (
        SimulatedSiblings(
            portfolios=options.portfolios,
            positions=options.positions,
            seed=options.seed,
            market=options.market,
        ) as siblings,
        EmbeddedDatabase(folder) as database,
        serving(_settings(options, siblings, folder, secured), database.uri) as server,
        rest_front(f"127.0.0.1:{server.port}", options.host, options.rest_port, credentials) as rest,
    ):
        yield Stack(
            target=f"127.0.0.1:{server.port}",
            health_target=f"127.0.0.1:{server.health_port}",
            mongodb_uri=database.uri,
            siblings=dict(siblings.urls),
            siblings_grpc=siblings.grpc_url,
            rest=rest,
            model=siblings.model,
            credentials=credentials,
            mutual=mutual,
        )


def _secured(credentials: Credentials | None, *, mutual: bool) -> dict[str, Any]:
    """The settings of a server that asks for credentials; none of one that does not."""
    if credentials is None:
        return {}
    asked = {
        "tls_certificate": credentials.certificate,
        "tls_key": credentials.key,
        "token_keys": str(credentials.key_set),
        "token_issuer": ISSUER,
        "token_audience": AUDIENCE,
    }
    if not mutual:
        return asked
    return {**asked, "tls_client_ca": credentials.ca, "tls_subjects": {CLIENT: READ}}


def _settings(
    options: argparse.Namespace, siblings: SimulatedSiblings, folder: Path, secured: Mapping[str, Any]
) -> Settings:
    return Settings(
        **secured,
        host=options.host,
        insecure=True,  # wherever it is told to listen: it is there to be tried
        port=options.port,
        health_port=0,
        metrics_port=0,
        mongodb_uri=SecretStr("embedded"),
        data_folder=folder,
        compute_processes=None if options.portfolios >= PROCESSES_FROM else 0,
        portfolio_accounting_url=siblings.accounting_url,
        pricing_url=siblings.pricing_url,
        security_url=siblings.security_url,
        portfolio_url=siblings.portfolio_url,
        order_url=siblings.order_url,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ordergen_server.sandbox", description=__doc__)
    parser.add_argument("--portfolios", type=int, default=25, help="how many portfolios there are (25)")
    parser.add_argument("--positions", type=int, default=60, help="positions of the suggested model (60)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same data (1)")
    parser.add_argument(
        "--market", type=Path, help="CSV of securities and prices; default: a synthetic market"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8088, help="port of the API; 0 takes a free one (8088)")
    parser.add_argument(
        "--rest-port", type=int, default=0, help="port of HTTP and JSON; 0 takes a free one (0)"
    )
    parser.add_argument(
        "--secure",
        nargs="?",
        const=_TOKENS,
        choices=(_TOKENS, _MUTUAL),
        help="ask for TLS and tokens, and with `mutual` for a certificate of the client as well",
    )
    parser.add_argument(
        "--data-folder", type=Path, help="keep the database here; default: a folder that is deleted"
    )
    parser.add_argument("--json", action="store_true", help="announce the stack as one line of JSON")
    parser.add_argument(
        "--until-input-ends", action="store_true", help="also stop at the end of standard input"
    )
    return parser


@contextmanager
def _folder(chosen: Path | None) -> Iterator[Path]:
    if chosen:
        yield chosen
        return
    with TemporaryDirectory(prefix="ordergen-") as folder:
        yield Path(folder)


def main() -> int:
    """Run the stack until it is told to stop; 1 where a part does not start."""
    options = _parser().parse_args()
    try:
        with (
            stop_signals() as stop,
            logging_to(sys.stderr, "WARNING", "console"),
            _folder(options.data_folder) as folder,
            running_stack(options, folder) as stack,
        ):
            print(stack.as_json() if options.json else stack.as_text(), flush=True)  # noqa: T201 - the command's output
            if options.until_input_ends:
                stop_at_end_of_input(stop)
            wait_for(stop)
    except (
        EmbeddedDatabaseError,
        SupervisedProcessError,
        RestFrontError,
        OrderGenerationError,
        OSError,
        ValueError,
    ) as error:
        print(f"sandbox: {error}", file=sys.stderr)  # noqa: T201 - the command's output
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
