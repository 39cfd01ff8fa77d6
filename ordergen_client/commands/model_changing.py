"""`ordergen models link, unlink, set-position, remove-position`: small changes of models."""

from decimal import Decimal

import click

from ordergen_client.client import Client
from ordergen_client.commands import finding
from ordergen_client.commands.decimals import weight
from ordergen_client.commands.model_records import portfolio_ids, warn_of_unknown, whole_model
from ordergen_client.commands.options import Server, with_client
from ordergen_client.records.values import Position
from ordergen_client.showing.columns import percent
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
    output.done(
        whole_model(client, made), f"{added} more portfolios follow {made.name}: {len(made.portfolio_ids)}."
    )


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
    output.done(
        whole_model(client, made),
        f"{removed} portfolios no longer follow {made.name}: {len(made.portfolio_ids)} do.",
    )


@click.command("set-position")
@click.argument("model")
@click.argument("security")
@click.option("--weight", "target_weight", type=weight, required=True, help="The target weight: 0.05 or 5%.")
@click.option("--low-drift", type=weight, default="0", show_default=True, help="How far it may lie below.")
@click.option("--high-drift", type=weight, default="0", show_default=True, help="How far it may lie above.")
@with_client
def set_position(
    *,
    client: Client,
    server: Server,
    output: Output,
    model: str,
    security: str,
    target_weight: Decimal,
    low_drift: Decimal,
    high_drift: Decimal,
) -> None:
    """Give SECURITY (an id or a ticker) this weight in MODEL, whether it is in it by now or not."""
    del server
    before = finding.model(client, model)
    security_id = finding.securities(client, [security])[security]
    position = Position(security_id, target_weight, low_drift, high_drift)
    there = any(one.security_id == security_id for one in before.positions)
    change = client.models.update_position if there else client.models.add_position
    made = change(before.model_id, position, before.version)
    done = "Changed" if there else "Added"
    output.done(whole_model(client, made), f"{done} {security} in {made.name}: {percent(target_weight)}.")


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
    output.done(whole_model(client, made), f"Removed {security} from {made.name}.")
