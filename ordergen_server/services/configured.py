"""Options of a run in full: what a server is configured with holds where a call says nothing."""

from dataclasses import dataclass, replace

from ordergen_server.domain.errors import PreconditionFailed, Violation
from ordergen_server.domain.open_orders import LOOKING, OpenOrders
from ordergen_server.domain.rebalances import RebalanceOptions


@dataclass(frozen=True, slots=True)
class Configured:
    """What a server is configured with.

    Attributes:
        maximum_price_age_days: for runs whose options have none; None is any age.
        has_order_service: whether open orders can be looked at, which runs do whose options do not say.
    """

    maximum_price_age_days: int | None = None
    has_order_service: bool = False

    def in_full(self, options: RebalanceOptions) -> RebalanceOptions:
        """The options that a run is carried out with.

        Raises:
            PreconditionFailed: they ask for open orders to be looked at, and there is no order service.
        """
        days = options.maximum_price_age_days
        if days is None:
            days = self.maximum_price_age_days
        return replace(options, maximum_price_age_days=days, open_orders=self._open_orders(options))

    def _open_orders(self, options: RebalanceOptions) -> OpenOrders | None:
        if options.open_orders is None:
            return OpenOrders.REFUSE if self.has_order_service else None
        if options.open_orders in LOOKING and not self.has_order_service:
            raise _no_order_service(options.open_orders)
        return options.open_orders


def _no_order_service(asked: OpenOrders) -> PreconditionFailed:
    rule = f"must be IGNORE or unspecified, not {asked.value}: the server has no order service"
    return PreconditionFailed(
        f"options.open_orders {rule}; its operators set ORDERGEN_ORDER_URL.",
        violations=[Violation("options.open_orders", rule, "NO_ORDER_SERVICE")],
    )
