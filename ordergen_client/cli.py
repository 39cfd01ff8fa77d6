"""The `ordergen` command."""

import click

from ordergen_client.commands.lazily import LazyGroup

_COMMANDS = "ordergen_client.commands"
_PLACES = {
    "models": (
        f"{_COMMANDS}.models.reading:models",
        "Models: their securities, and the portfolios that follow them.",
    ),
    "portfolios": (f"{_COMMANDS}.portfolios:portfolios", "Portfolios: how they stand to their models."),
    "rebalance": (f"{_COMMANDS}.runs.rebalance:rebalance", "Rebalance every portfolio of a model, or one."),
    "runs": (f"{_COMMANDS}.runs.reading:runs", "Runs: what they did, their review and their orders."),
    "submissions": (
        f"{_COMMANDS}.submissions:submissions",
        "Submissions: orders of runs on their way to the order service.",
    ),
    "report": (f"{_COMMANDS}.runs.report:report", "Write a run as one page that any browser opens."),
    "verify": (
        f"{_COMMANDS}.runs.verify:verify",
        "Compute every number of a run anew; check every rule.",
    ),
    "doctor": (
        f"{_COMMANDS}.doctor:doctor",
        "Find out what is wrong between here and the server, and beyond.",
    ),
    "context": (f"{_COMMANDS}.context:context", "Servers by name."),
    "demo": (f"{_COMMANDS}.stacks.demo:demo", "Rebalance portfolios on embedded parts, and show the result."),
    "serve": (f"{_COMMANDS}.stacks.serve:serve", "Keep a server with a market of its own up, to try things."),
    "import-legacy": (
        f"{_COMMANDS}.import_legacy:import_legacy",
        "Import the models and rebalances of the service before.",
    ),
    "completion": (f"{_COMMANDS}.completion:completion", "Print what completes commands in a shell."),
    "version": (f"{_COMMANDS}.completion:version", "Print the versions of this command."),
    "watch": (f"{_COMMANDS}.runs.reading:old_watch", "Now `ordergen runs watch`."),
}


@click.group(
    cls=LazyGroup,
    places=_PLACES,
    hidden=frozenset({"watch"}),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="globeco-ordergen-client")
def main() -> None:
    """Turn investment models into proven optimal whole-share orders.

    A model, a run or a portfolio may be given by its id, the beginning of it, or its name.

    Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 done but some portfolios are INFEASIBLE or
    FAILED, or some orders are not sent, 4 unreachable, 130 interrupted.
    """


if __name__ == "__main__":
    from ordergen_client.command import main as run

    run()
