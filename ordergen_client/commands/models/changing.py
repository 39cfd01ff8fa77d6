"""`ordergen models link, unlink, set-position, remove-position`: small changes of models."""

from decimal import Decimal

import click

from ordergen_client.client import Client
from ordergen_client.commands.models.changes import shown
from ordergen_client.commands.models.records import (
    portfolio_ids,
    warn_of_unknown,
    warn_of_unknown_securities,
    whole_model,
)
from ordergen_client.commands.shared import finding
from ordergen_client.commands.shared.decimals import weight
from ordergen_client.commands.shared.options import with_client
from ordergen_client.commands.shared.servers import Server
from ordergen_client.records.values import Position
from ordergen_client.showing.output import Output


@click.command()
@click.argument("model")
@click.argument("portfolios", nargs=-1, required=True)
@with_client
def link(*, client: Client, server: Server, output: Output, model: str, portfolios: tuple[str, ...]) -> None:
    """Let PORTFOLIOS follow MODEL."""
    del server
    before = finding.model(client, model)
    ids = portfolio_ids(client, portfolios) or []
    warn_of_unknown(client, output, [one for one in ids if one not in before.portfolio_ids])
    made = client.models.add_portfolios(before.model_id, ids)
    added = len(made.portfolio_ids) - len(before.portfolio_ids)
    told = f"{added} more portfolios follow {made.name}: {len(made.portfolio_ids)} in all."
    output.done(lambda: whole_model(client, made), told if added else f"They follow {made.name} already.")


@click.command()
@click.argument("model")
@click.argument("portfolios", nargs=-1, required=True)
@with_client
def unlink(
    *, client: Client, server: Server, output: Output, model: str, portfolios: tuple[str, ...]
) -> None:
    """Let PORTFOLIOS no longer follow MODEL."""
    del server
    before = finding.model(client, model)
    # One that is linked may be gone elsewhere: its id is enough.
    others = [one for one in portfolios if one not in before.portfolio_ids]
    ids = {**{one: one for one in portfolios}, **finding.portfolios(client, others)}
    made = client.models.remove_portfolios(before.model_id, tuple(ids.values()))
    removed = len(before.portfolio_ids) - len(made.portfolio_ids)
    told = f"{removed} portfolios no longer follow {made.name}: {len(made.portfolio_ids)} do."
    output.done(lambda: whole_model(client, made), told if removed else f"None of them followed {made.name}.")


@click.command("set-position")
@click.argument("model")
@click.argument("security")
@click.option("--weight", "target_weight", type=weight, required=True, help="The target weight: 0.05 or 5%.")
@click.option("--low-drift", type=weight, help="How far it may lie below; as it was where it is not given.")
@click.option("--high-drift", type=weight, help="How far it may lie above; as it was where it is not given.")
@with_client
def set_position(
    *,
    client: Client,
    server: Server,
    output: Output,
    model: str,
    security: str,
    target_weight: Decimal,
    low_drift: Decimal | None,
    high_drift: Decimal | None,
) -> None:
    """Give SECURITY (an id or a ticker) this weight in MODEL, whether it is in it by now or not."""
    del server
    before = finding.model(client, model)
    security_id = finding.securities(client, [security])[security]
    old = next((one for one in before.positions if one.security_id == security_id), None)
    low, high = (old.low_drift, old.high_drift) if old else (Decimal(0), Decimal(0))
    position = Position(
        security_id,
        target_weight,
        low if low_drift is None else low_drift,
        high if high_drift is None else high_drift,
    )
    if position == old or (old is None and not target_weight):
        output.done(lambda: whole_model(client, before), f"Model {before.name} is like that already.")
        return
    if old is None:
        warn_of_unknown_securities(client, output, [security_id])
    change = client.models.update_position if old else client.models.add_position
    made = change(before.model_id, position, before.version)
    done = "Changed" if old else "Added"
    output.done(lambda: whole_model(client, made), f"{done} {security} in {made.name}: {shown(position)}.")


@click.command("remove-position")
@click.argument("model")
@click.argument("security")
@with_client
def remove_position(*, client: Client, server: Server, output: Output, model: str, security: str) -> None:
    """Take SECURITY (an id or a ticker) out of MODEL: portfolios that hold it will sell it."""
    del server
    before = finding.model(client, model)
    there = {one.security_id for one in before.positions}
    security_id = security if security in there else finding.securities(client, [security])[security]
    made = client.models.remove_position(before.model_id, security_id, before.version)
    output.done(lambda: whole_model(client, made), f"Removed {security} from {made.name}.")
