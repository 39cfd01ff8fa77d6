"""What can be asked of a server about itself."""

from globeco.ordergen.v1.diagnostics_service_pb2 import DiagnoseRequest

from ordergen_client.calls.call import Call
from ordergen_client.records import messages
from ordergen_client.records.diagnoses import Diagnosis


def diagnose() -> Call[Diagnosis]:
    """How the server is that answers: its clock, who we are to it, and how all is that it depends on.

    It takes some two seconds where a dependency hangs. What is wrong stands in the answer, and is no error.
    """
    return Call("Diagnose", DiagnoseRequest(), messages.diagnosis)
