"""The scope that each call of the contract needs."""

from ordergen_server.domain.subjects import ADMIN, APPROVE, MODELS, ORDERS, READ, REBALANCE

_MODELS = "/globeco.ordergen.v1.ModelService/"
_REBALANCES = "/globeco.ordergen.v1.RebalanceService/"
_REFERENCES = "/globeco.ordergen.v1.ReferenceService/"
_DIAGNOSTICS = "/globeco.ordergen.v1.DiagnosticsService/"
#: In the place of a scope: whoever is known may call, whatever their scopes are.
ANY_SCOPE = ""

#: By the path of the call, as gRPC has it. A test fails if a call of the contract has no row, or a row none.
SCOPE_OF: dict[str, str] = {
    f"{_MODELS}GetModel": READ,
    f"{_MODELS}ListModels": READ,
    f"{_MODELS}CreateModel": MODELS,
    f"{_MODELS}UpdateModel": MODELS,
    f"{_MODELS}DeleteModel": MODELS,
    f"{_MODELS}AddPosition": MODELS,
    f"{_MODELS}UpdatePosition": MODELS,
    f"{_MODELS}RemovePosition": MODELS,
    f"{_MODELS}AddPortfolios": MODELS,
    f"{_MODELS}RemovePortfolios": MODELS,
    f"{_REBALANCES}RebalancePortfolio": REBALANCE,
    f"{_REBALANCES}RebalanceModel": REBALANCE,
    f"{_REBALANCES}StartRebalance": REBALANCE,
    f"{_REBALANCES}CancelRebalance": REBALANCE,
    f"{_REBALANCES}WatchRebalance": READ,
    f"{_REBALANCES}GetRebalance": READ,
    f"{_REBALANCES}ListRebalances": READ,
    f"{_REBALANCES}ListPortfolioRebalances": READ,
    f"{_REBALANCES}GetPortfolioRebalance": READ,
    f"{_REBALANCES}CheckDrift": READ,
    f"{_REBALANCES}ReviewRebalance": APPROVE,
    f"{_REBALANCES}SubmitOrders": ORDERS,
    f"{_REBALANCES}CancelOrderSubmission": ORDERS,
    f"{_REBALANCES}GetOrderSubmission": READ,
    f"{_REBALANCES}WatchOrderSubmission": READ,
    f"{_REBALANCES}ListOrders": READ,
    f"{_REBALANCES}ListRebalanceEvents": READ,
    f"{_REBALANCES}AggregateOrders": READ,
    f"{_REBALANCES}AllocateFill": READ,
    f"{_REBALANCES}ReconcileOrders": READ,
    f"{_REFERENCES}ResolveSecurities": READ,
    f"{_REFERENCES}ResolvePortfolios": READ,
    # What was proposed, and by whom, is gone with it.
    f"{_REBALANCES}DeleteRebalance": ADMIN,
    # Whoever lacks a scope learns here which they have.
    f"{_DIAGNOSTICS}Diagnose": ANY_SCOPE,
}
