"""The calls of RebalanceService that are about settings of portfolios."""

from globeco.ordergen.v1 import portfolio_settings_pb2, rebalance_service_pb2
from google.protobuf import empty_pb2

from ordergen_server.api.call import Call
from ordergen_server.api.messages.desk import portfolio_settings
from ordergen_server.domain.requests.ids import check_entity_id, check_version
from ordergen_server.domain.requests.pages import PageRequest
from ordergen_server.domain.requests.violations import Violations
from ordergen_server.domain.stores import SettingsStore
from ordergen_server.services.desk.portfolio_settings import SettingsEditor

pb = rebalance_service_pb2


class SettingsServicer:
    """Decodes requests, asks the use cases, encodes answers; what it raises becomes a status."""

    def __init__(self, editor: SettingsEditor, settings: SettingsStore) -> None:
        self._editor = editor
        self._settings = settings

    def GetPortfolioSettings(
        self, request: pb.GetPortfolioSettingsRequest, call: Call
    ) -> portfolio_settings_pb2.PortfolioSettings:
        """Read the settings of a portfolio."""
        with Violations() as violations:
            check_entity_id(request.portfolio_id, "portfolio_id", violations)
        return portfolio_settings.message(self._settings.get(request.portfolio_id))

    def ListPortfolioSettings(
        self, request: pb.ListPortfolioSettingsRequest, call: Call
    ) -> pb.ListPortfolioSettingsResponse:
        """Read a page of settings."""
        page = PageRequest(request.page_size, request.page_token, request.skip)
        with Violations() as violations:
            page.check(violations)
        found = self._settings.find(page)
        return pb.ListPortfolioSettingsResponse(
            portfolio_settings=map(portfolio_settings.message, found.items),
            next_page_token=found.next_token,
            total_size=found.total_size,
        )

    def UpdatePortfolioSettings(
        self, request: pb.UpdatePortfolioSettingsRequest, call: Call
    ) -> portfolio_settings_pb2.PortfolioSettings:
        """Make settings, or change fields of them."""
        given = request.portfolio_settings
        with Violations() as violations:
            check_entity_id(given.portfolio_id, f"{portfolio_settings.PATH}.portfolio_id", violations)
            if given.version < 0:
                rule = "must be the version that was read, 0 where there are no settings"
                violations.add(f"{portfolio_settings.PATH}.version", rule, given.version)
            fields = portfolio_settings.update_fields(request.update_mask, violations)
            content = portfolio_settings.content(given, violations, fields)
        stored = self._editor.update(given.portfolio_id, content, fields, given.version)
        return portfolio_settings.message(stored)

    def DeletePortfolioSettings(
        self, request: pb.DeletePortfolioSettingsRequest, call: Call
    ) -> empty_pb2.Empty:
        """Delete the settings of a portfolio."""
        with Violations() as violations:
            check_entity_id(request.portfolio_id, "portfolio_id", violations)
            check_version(request.version, "version", violations, required=True)
        self._editor.delete(request.portfolio_id, request.version)
        return empty_pb2.Empty()
