"""A desk: a server with a model that portfolios follow, and what people there call."""

from dataclasses import dataclass

from click.testing import CliRunner, Result
from globeco.ordergen.v1 import model_pb2, rebalance_service_pb2

from ordergen_client.cli import main
from tests.e2e.api import Api
from tests.limits import PATIENCE

Told = list[rebalance_service_pb2.RebalanceModelResponse]


@dataclass(frozen=True)
class Desk:
    """A server with a model; its database is the server's own."""

    api: Api
    database: str
    model: model_pb2.Model

    @property
    def target(self) -> str:
        """Where the server is."""
        return f"127.0.0.1:{self.api.port}"

    @property
    def ids(self) -> list[str]:
        """The portfolios of the model."""
        return list(self.model.portfolio_ids)

    def ran(self, *arguments: str, given: str = "") -> Result:
        """The command, whatever came of it."""
        return CliRunner().invoke(main, [*arguments, f"--target={self.target}"], input=given)

    def done(self, *arguments: str, given: str = "") -> str:
        """What the command says; some portfolios may have no answer."""
        result = self.ran(*arguments, given=given)
        assert result.exit_code in {0, 3}, result.output
        return result.stdout

    def tried(self, **given: object) -> Told:
        """A preview of the model, or of a part or a draft of it."""
        request = rebalance_service_pb2.RebalanceModelRequest(
            model_id=self.model.model_id,
            validate_only=True,
            **given,  # type: ignore[arg-type] # fields of the request
        )
        return list(self.api.rebalances.RebalanceModel(request, timeout=PATIENCE))
