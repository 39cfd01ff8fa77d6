"""Options of a run in full: what a server is configured with holds where a call says nothing."""

from dataclasses import dataclass, replace

from ordergen_server.domain.errors import PreconditionFailed, Violation
from ordergen_server.domain.open_orders import LOOKING, OpenOrders
from ordergen_server.domain.rebalances.options import RebalanceOptions


@dataclass(frozen=True, slots=True)
class Configured:
    """What a server is configured with.

    Attributes:
        maximum_price_age_days: for runs whose options have none; None is any age.
        has_order_service: whether open orders can be looked at, which runs do whose options do not say.
    """

    maximum_price_age_days: int | None = None
    has_order_service: bool = False

    def in_full(self, options: RebalanceOptions, path: str = "options") -> RebalanceOptions:
        """The options that a run is carried out with; `path` leads to them in a request.

        Raises:
            PreconditionFailed: they ask for open orders to be looked at, and there is no order service.
        """
        days = options.maximum_price_age_days
        if days is None:
            days = self.maximum_price_age_days
        return replace(options, maximum_price_age_days=days, open_orders=self._open_orders(options, path))

    def _open_orders(self, options: RebalanceOptions, path: str) -> OpenOrders | None:
        if options.open_orders is None:
            return OpenOrders.REFUSE if self.has_order_service else None
        if options.open_orders in LOOKING and not self.has_order_service:
            raise _no_order_service(options.open_orders, path)
        return options.open_orders


#: What a server has that is configured with nothing.
NOT_CONFIGURED = Configured()


def _no_order_service(asked: OpenOrders, path: str) -> PreconditionFailed:
    rule = f"must be IGNORE or unspecified, not {asked.value}: the server has no order service"
    return PreconditionFailed(
        f"{path}.open_orders {rule}; its operators set ORDERGEN_ORDER_URL.",
        violations=[Violation(f"{path}.open_orders", rule, "NO_ORDER_SERVICE")],
    )
