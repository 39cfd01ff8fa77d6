"""Commands to talk to a running stack, which work as they are printed."""

import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from ordergen_server.sandbox.credentials import Credentials
from ordergen_server.sandbox.market.portfolios import SuggestedModel

_SUBJECT = "trader"
_CREATE = "globeco.ordergen.v1.ModelService/CreateModel"
_MODEL_ID = "python3 -c 'import json, sys; print(json.load(sys.stdin)[\"modelId\"])'"


def commands(
    target: str, model: SuggestedModel, credentials: Credentials | None, *, mutual: bool
) -> Iterator[str]:
    """Lines that list the services, and with credentials make a model and rebalance it."""
    if credentials is None:
        yield "List the services:"
        yield f"  {_tool('buf')} curl --http2-prior-knowledge --protocol grpc --list-methods http://{target}"
        return
    folder = shlex.quote(str(credentials.ca.parent))
    buf = f'{_tool("buf")} curl --protocol grpc --cacert "$C/ca.pem"'
    reading = f"{buf} --reflect --reflect-header '*'"
    header = f'--header "@$C/{_SUBJECT}.header"'
    own = ' --cert "$C/client.pem" --key "$C/client-key.pem"' if mutual else ""
    yield f"Tokens of {', '.join(credentials.tokens)}, and certificates:"
    yield f"  C={folder}"
    yield "List the services:"
    yield f"  {reading}{own} {header} --list-methods https://{target}"
    yield (
        f'  TOKEN=$(cat "$C/{_SUBJECT}.token") grpcurl -cacert "$C/ca.pem"{own.replace(" --", " -")}'
        f" -expand-headers -H 'authorization: Bearer ${{TOKEN}}' {target} list"
    )
    yield "Make a model of one stock and cash, and rebalance its portfolio:"
    yield f"  MODEL=$({reading}{own} {header} -d '{_body(model)}' https://{target}/{_CREATE} | {_MODEL_ID})"
    certificate = own.replace("--cert ", "--certificate ")
    yield (
        f'  {_tool("ordergen")} rebalance $MODEL --target {target} --ca "$C/ca.pem"{certificate}'
        f' --token-file "$C/{_SUBJECT}.token"'
    )


def _body(model: SuggestedModel) -> str:
    weights = {"target": {"value": "0.45"}, "low_drift": {"value": "0.05"}, "high_drift": {"value": "0.05"}}
    position = {"security_id": model.positions[0].security_id, **weights}
    content = {"name": "One stock", "portfolio_ids": [model.portfolio_ids[0]], "positions": [position]}
    return json.dumps({"model": content})


def _tool(name: str) -> str:
    """A program that is installed beside this one, or else wherever the shell finds it."""
    beside = Path(sys.executable).with_name(name)
    return shlex.quote(str(beside)) if beside.exists() else name
