"""Brings an overlay to a cluster, and back where that fails.

python -m tools.deploy kubernetes/overlays/staging --context staging

The steps: render, validate, lock, dry-run on the server, diff, confirm, apply (server-side), wait until all
is ready, smoke test over gRPC and REST. Where something fails or is interrupted after it was applied, what
ran before is brought back. Values of Secrets are never shown.

exit code  means                                     what runs
0          deployed, or nothing to change            what is in the overlay
10, 11     cannot be rendered; is not valid          what ran before
12         another deployment is under way, or the
           cluster says nothing of such              what ran before
13, 14     the cluster refuses it; does not answer   what ran before
15         not confirmed                             what ran before
20, 21, 22 not applied; not ready; smoke test        what ran before, brought back
23         the lock was lost while it deployed       ask who has it
30         the way back failed                       look: the message has the command
130        interrupted                               what ran before

The last line, or `state` with --json, says it each time.
"""

import argparse
import signal
import sys
from pathlib import Path

import kubernetes_validate

from ordergen_client.connecting.credentials import Tls
from tools.deploy.deployment import Deployment, Plan
from tools.deploy.errors import INTERRUPTED, DeployError
from tools.deploy.kubectl import Kubectl
from tools.deploy.lock import DeployLock
from tools.deploy.progress import Progress
from tools.deploy.smoke import Smoke

_SAVED = Path(__file__).resolve().parents[2] / ".build" / "deploy" / "before.json"


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.deploy",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("overlay", type=Path, help="folder with a kustomization.yaml")
    add("--yes", action="store_true", help="do not ask before it is applied")
    add("--plan", action="store_true", help="stop after the diff, and change nothing")
    add(
        "--json", action="store_true", help="one JSON document on standard output; lines go to standard error"
    )
    add("--no-rollback", action="store_true", help="leave what failed as it is, to be looked at")
    add("--force-conflicts", action="store_true", help="take fields that others have applied")
    add("--saved", type=Path, default=_SAVED, help="where what ran before is written (%(default)s)")
    add(
        "--kubernetes",
        default=kubernetes_validate.latest_version(),
        help="version of the schemas (%(default)s)",
    )
    cluster = parser.add_argument_group("cluster").add_argument
    cluster("--kubectl", default="kubectl", help="the program")
    cluster("--context", help="of the kubeconfig; the current one without it")
    cluster("--namespace", help="of the lock and of what names none; the context's without it")
    cluster("--kubectl-seconds", type=float, default=60.0, help="deadline of a call of kubectl (%(default)s)")
    cluster("--ready-seconds", type=float, default=600.0, help="for everything to become ready (%(default)s)")
    smoke = parser.add_argument_group(
        "smoke test", "without addresses, ports are forwarded to pods"
    ).add_argument
    smoke("--grpc", help="host:port")
    smoke("--rest", help="http or https URL")
    smoke("--tls", action="store_true", help="gRPC with TLS, by the authorities that gRPC trusts")
    smoke("--ca", type=Path, help="TLS, by the authority in this file")
    smoke("--certificate", type=Path, help="of ours, for a server that asks for one")
    smoke("--key", type=Path, help="of that certificate")
    smoke("--server-name", help="whom the server's certificate is of, where a port is forwarded")
    smoke("--token-file", type=Path, help="a bearer token with the scope ordergen:read")
    smoke("--smoke-seconds", type=float, default=60.0, help="until everything is answered (%(default)s)")
    return parser.parse_args(arguments)


def deployment(options: argparse.Namespace, progress: Progress) -> Deployment:
    """Wire one up.

    Raises:
        ValueError: options that do not go together.
    """
    kubectl = Kubectl(options.kubectl, options.context, options.namespace, options.kubectl_seconds)
    with_tls = options.tls or options.ca or options.certificate or options.key
    tls = Tls(options.ca, options.certificate, options.key) if with_tls else None
    smoke = Smoke(
        kubectl,
        options.grpc,
        options.rest,
        tls,
        options.server_name,
        options.token_file,
        options.smoke_seconds,
    )
    plan = Plan(
        options.overlay,
        options.kubernetes,
        options.saved,
        options.plan,
        options.force_conflicts,
        not options.no_rollback,
        options.ready_seconds,
    )
    return Deployment(plan, kubectl, DeployLock(kubectl), smoke, progress, lambda: options.yes or _asked())


def _asked() -> bool:
    """Ask on the terminal; where there is none, the answer is no."""
    print("Apply this? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; the exit code."""
    options = parsed(arguments)
    progress = Progress(options.json)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        deployment(options, progress).run()
    except DeployError as error:
        return _finished(progress, error.code, str(error))
    except KeyboardInterrupt:
        return _finished(progress, INTERRUPTED, "interrupted")
    except ValueError as error:
        return _finished(progress, 2, str(error))
    return _finished(progress, 0, None)


def _finished(progress: Progress, code: int, error: str | None) -> int:
    progress.finish(code, error)
    return code


if __name__ == "__main__":
    sys.exit(main())
