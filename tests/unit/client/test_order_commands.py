"""What the command shows of reviews and orders in every state, at every width, and how it ends."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from globeco.ordergen.v1 import order_pb2 as pb
from syrupy.assertion import SnapshotAssertion

from ordergen_client.cli import main
from ordergen_server.domain import errors
from tests.limits import PATIENCE
from tests.unit.client.order_desk import RUN, SENDING, SUBMISSION, OrderDesk, serving, submission
from tests.waiting import eventually

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
WIDTHS = (60, 80, 100, 140)
READING = (
    f"runs events {RUN}",
    f"runs blocks {RUN}",
    f"runs allocate {RUN} AAA --side BUY --filled 1,000",
    f"runs reconcile {RUN}",
    f"submissions show {SUBMISSION}",
)
WRITING = (
    f"runs approve {RUN} --comment agreed",
    f"runs approve {RUN} --only 'Growth P' --quiet",
    f"runs reject {RUN} --only 'Growth Q'",
    f"runs submit {RUN} --detach --yes",
    f"runs submit {RUN} --yes --quiet",
    f"runs submit {RUN}",
    f"submissions watch {RUN} --quiet",
    f"submissions cancel {SUBMISSION}",
)


@pytest.fixture
def desk() -> OrderDesk:
    return OrderDesk()


@pytest.fixture
def target(desk: OrderDesk) -> Iterator[str]:
    with serving(desk) as target:
        yield target


def ran(target: str, command: str, **variables: str | None) -> Result:
    arguments = shlex.split(command)
    unset = dict.fromkeys(("FORCE_COLOR", "NO_COLOR", "COLUMNS", "ORDERGEN_ACTOR"))
    given = {**unset, "XDG_CONFIG_HOME": "/nowhere", **variables}
    return CliRunner().invoke(main, [*arguments, f"--target={target}"], env=given)


def on_terminal(width: int) -> dict[str, str]:
    return {"FORCE_COLOR": "1", "NO_COLOR": "1", "COLUMNS": str(width), "TERM": "xterm"}


def told(done: Result, target: str) -> str:
    """All that it said, without colours, and what differs from time to time."""
    plain = _ESCAPES.sub("", done.output).replace(target, "HOST:PORT")
    return f"{plain}exit code {done.exit_code}\n"


@pytest.mark.parametrize("width", [*WIDTHS, None])
@pytest.mark.parametrize("command", [*READING, *WRITING])
def test_for_eyes(target: str, command: str, width: int | None, snapshot: SnapshotAssertion) -> None:
    done = ran(target, command, **(on_terminal(width) if width else {}))
    plain = told(done, target)
    assert "…" not in plain
    if width and command in READING:  # the terminal breaks sentences
        assert (
            max(map(len, re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", done.stdout).splitlines()), default=0) <= width
        )
    assert plain == snapshot


@pytest.mark.parametrize("form", ["json", "ndjson", "csv", "yaml"])
@pytest.mark.parametrize("command", [*READING, *WRITING])
def test_for_programs(target: str, command: str, form: str, snapshot: SnapshotAssertion) -> None:
    done = ran(target, f"{command} --output {form} --quiet".replace(" --quiet --output", " --output"))
    assert f"{done.stdout}exit code {done.exit_code}\n" == snapshot


def test_what_is_sent_is_what_was_asked_for(desk: OrderDesk, target: str) -> None:
    ran(target, f"runs approve {RUN} --only 'Growth P' --only {'Q' * 24} --comment fine --actor ann")
    ran(target, f"runs reject {RUN}", ORDERGEN_ACTOR="bob")
    ran(target, f"runs submit {RUN} --only 'Growth P' --sells-first --yes --detach")
    (approved, ann), (rejected, bob), (submitted, nobody) = desk.asked
    both = ["P" * 24, "Q" * 24]
    assert (ann, bob, nobody) == ("ann", "bob", "")
    decided = pb.REVIEW_DECISION_APPROVED
    assert approved == pb.ReviewRebalanceRequest(
        rebalance_id=RUN, portfolio_ids=both, decision=decided, comment="fine"
    )
    assert rejected == pb.ReviewRebalanceRequest(rebalance_id=RUN, decision=pb.REVIEW_DECISION_REJECTED)
    assert isinstance(submitted, pb.SubmitOrdersRequest)
    assert uuid.UUID(submitted.request_id).version == 4
    submitted.request_id = ""
    assert submitted == pb.SubmitOrdersRequest(rebalance_id=RUN, portfolio_ids=both[:1], sells_first=True)


def test_a_file_chooses_portfolios_and_rows_of_other_models_are_left_out(
    desk: OrderDesk, target: str, tmp_path: Path
) -> None:
    path = tmp_path / "chosen.csv"
    path.write_text(f"portfolio_id,model_id\n{'P' * 24},{'c' * 24}\n{'Q' * 24},{'d' * 24}\n")
    done = ran(target, f"runs approve {RUN} --only-from {path}")
    assert "1 rows of other models are left out" in done.stderr
    ((request, _),) = desk.asked
    assert isinstance(request, pb.ReviewRebalanceRequest)
    assert list(request.portfolio_ids) == ["P" * 24]
    path.write_text("portfolio_id\n")
    for command, what in (("approve", "approved"), ("reject", "rejected"), ("submit", "sent")):
        done = ran(target, f"runs {command} {RUN} --only-from {path}")
        assert (done.exit_code, f"nothing is {what}" in done.stderr) == (2, True)
    assert len(desk.asked) == 1


REFUSALS = [
    (errors.PreconditionFailed("Portfolio P is not approved."), "Portfolio P is not approved."),
    (
        errors.AlreadySubmitted("It was submitted.", metadata={"submission_id": SUBMISSION}),
        f"ordergen submissions show {SUBMISSION}",
    ),
]


@pytest.mark.parametrize(("error", "words"), REFUSALS)
def test_what_is_refused_says_what_to_do(
    desk: OrderDesk, target: str, error: errors.OrderGenerationError, words: str
) -> None:
    desk.refuses = error
    done = ran(target, f"runs submit {RUN} --yes")
    assert (done.exit_code, done.stdout) == (1, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


MISUSES = [
    ("runs approve", 2, "Missing argument 'RUN'"),
    (f"runs approve {RUN} --only Nobody", 1, "There is no portfolio 'Nobody'"),
    (f"runs approve {RUN} --actor Jos\u00e9", 2, "actor must be printable ASCII"),
    (f"runs submit {RUN}", 2, "--yes does it without a question"),
    (f"runs orders {RUN} --state DONE", 2, "is not one of 'sending'"),
    (f"runs orders {RUN} -o orders.xlsx", 2, "its ending must be one of .json, .ndjson, .csv, .yaml"),
    (f"runs blocks {RUN} -o -", 2, "--output must be a file"),
    (f"runs allocate {RUN} AAA --filled 1", 2, "Missing option '--side'"),
    (f"runs allocate {RUN} AAA --side SHORT --filled 1", 2, "is not one of"),
    (f"runs allocate {RUN} AAA --side BUY --filled 1.5", 2, "is no number of whole shares"),
    (f"runs allocate {RUN} AAA --side BUY --filled -1", 2, "is no number of whole shares"),
    (f"runs allocate {RUN} NOSUCH --side BUY --filled 1", 1, "There is no security 'NOSUCH'"),
    ("submissions", 0, "SUBMISSION is its id, or a run"),
    (f"submissions cancel {SUBMISSION}", 1, "had ended before: COMPLETED_WITH_ERRORS"),
    ("context add desk --target desk:1 --actor Jos\u00e9", 2, "actor must be printable ASCII"),
]


@pytest.mark.parametrize(("command", "code", "words"), MISUSES)
def test_what_is_wrong_is_told(target: str, command: str, code: int, words: str) -> None:
    arguments = (
        command
        if command.startswith("context") or command == "submissions"
        else f"{command} --target {target}"
    )
    done = CliRunner().invoke(main, arguments.split(), env={"XDG_CONFIG_HOME": "/nowhere"})
    assert words in done.output
    assert "Traceback" not in done.output
    if code:
        assert done.exit_code == code


@pytest.mark.parametrize(
    ("state", "code", "words"),
    [
        (pb.ORDER_SUBMISSION_STATE_COMPLETED, 0, ""),
        (pb.ORDER_SUBMISSION_STATE_COMPLETED_WITH_ERRORS, 3, ""),
        (pb.ORDER_SUBMISSION_STATE_CANCELLED, 1, "The submission was cancelled."),
        (pb.ORDER_SUBMISSION_STATE_FAILED, 1, "The order service is down."),
        (pb.ORDER_SUBMISSION_STATE_RUNNING, 1, "ended before it did"),
    ],
)
def test_the_exit_code_says_how_it_ended(
    desk: OrderDesk, target: str, state: pb.OrderSubmissionState.ValueType, code: int, words: str
) -> None:
    ended = submission(state)
    if state == pb.ORDER_SUBMISSION_STATE_FAILED:
        ended.error.code, ended.error.message = 14, "The order service is down."
    desk.events = [SENDING[0], pb.WatchOrderSubmissionResponse(sequence=2, finished=ended)]
    done = ran(target, f"submissions watch {SUBMISSION} --quiet")
    assert done.exit_code == code
    assert words in done.stderr


def test_what_differs_ends_with_a_code_of_its_own(desk: OrderDesk, target: str) -> None:
    assert ran(target, f"runs reconcile {RUN}").exit_code == 1
    desk.events = []
    done = ran(target, f"runs reconcile {RUN}")
    assert (done.exit_code, done.stdout) == (0, f"Run {RUN}: 4 orders compared, nothing differs.\n")


def test_blocks_are_written_to_a_file_that_is_whole(target: str, tmp_path: Path) -> None:
    path = tmp_path / "blocks.csv"
    done = ran(target, f"runs blocks {RUN} -o {path}")
    assert (done.exit_code, done.stdout) == (0, f"{path}\n")
    assert path.read_text().splitlines() == [
        "side,quantity,ticker,security_id,value,portfolio_count",
        f"BUY,10,BBB,{'B' * 24},10000000.005,2",
        f"BUY,1234567,AAA,{'A' * 24},9876543.21,2",
    ]
    again = ran(target, f"runs blocks {RUN} -o {path}")
    assert (again.exit_code, "--force" in again.stderr) == (1, True)
    told = ran(target, f"runs blocks {RUN} -o {tmp_path / 'blocks.json'} --force --json")
    assert json.loads(told.stdout) == {"file": str(tmp_path / "blocks.json")}
    assert json.loads((tmp_path / "blocks.json").read_text())["rebalance_id"] == RUN


def test_it_goes_on_where_the_command_is_interrupted(desk: OrderDesk, target: str) -> None:
    desk.hangs = True
    command = [
        sys.executable,
        "-m",
        "ordergen_client.cli",
        "runs",
        "submit",
        RUN,
        "--yes",
        f"--target={target}",
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        assert process.stderr
        assert process.stderr.readline() == f"Submission {SUBMISSION}\n"
        os.kill(process.pid, signal.SIGINT)
        told = process.stderr.read()
        assert process.wait(PATIENCE) == 130
    assert "Traceback" not in told
    assert f"Interrupted. Submission {SUBMISSION} goes on." in told
    assert f"ordergen submissions watch {SUBMISSION} --target {target}" in told
    assert f"ordergen submissions cancel {SUBMISSION} --target {target}" in told


def test_a_context_says_who_we_are_and_an_option_goes_before_it(
    desk: OrderDesk, target: str, tmp_path: Path
) -> None:
    def run(*arguments: str) -> Result:
        given = {"XDG_CONFIG_HOME": str(tmp_path), "ORDERGEN_ACTOR": None, "ORDERGEN_TARGET": None}
        return CliRunner().invoke(main, arguments, env=given)

    assert run("context", "add", "desk", f"--target={target}", "--actor=Ann Meyer").exit_code == 0
    assert run("runs", "approve", RUN).exit_code == 0
    told = run("runs", "approve", RUN, "--actor=Bob Roe")
    assert f"ordergen runs submit {RUN} --actor 'Bob Roe' sends" in told.stderr
    assert [actor for _, actor in desk.asked] == ["Ann Meyer", "Bob Roe"]


def test_an_answer_that_is_lost_leads_back_to_what_was_begun(desk: OrderDesk, target: str) -> None:
    desk.answers = False
    done = ran(target, f"runs submit {RUN} --yes --timeout 0.5")
    assert done.exit_code == 4
    ((request, _),) = desk.asked
    assert isinstance(request, pb.SubmitOrdersRequest)
    assert (
        f"the same command with --request-id {request.request_id}, which sends nothing twice" in done.stderr
    )
    assert f"ordergen runs events {RUN} --target {target}" in done.stderr
    desk.answers = True
    again = ran(target, f"runs submit {RUN} --yes --detach --request-id {request.request_id}")
    assert again.stdout == f"{SUBMISSION}\n"
    assert desk.asked[1] == desk.asked[0]


def test_an_interrupt_before_the_answer_leads_back_to_what_was_begun(desk: OrderDesk, target: str) -> None:
    desk.answers = False
    arguments = ["runs", "submit", RUN, "--yes", f"--target={target}"]
    command = [sys.executable, "-m", "ordergen_client.cli", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        assert process.stderr
        ((request, _),) = eventually(lambda: desk.asked)
        os.kill(process.pid, signal.SIGINT)
        told = process.stderr.read()
        assert process.wait(PATIENCE) == 130
    assert isinstance(request, pb.SubmitOrdersRequest)
    assert "Interrupted, and the orders may be on their way." in told
    assert f"--request-id {request.request_id}, which sends nothing twice" in told
    assert "Traceback" not in told
