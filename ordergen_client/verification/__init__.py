"""Checks an exported run from its file alone, in fractions and by the definitions of the contract.

Nothing of the server or the optimizer is used, so that a mistake of theirs is not repeated; only what solves
portfolios again (`proving`) imports the optimizer, and nothing here imports that.
"""

from ordergen_client.verification.findings import Finding, Findings
from ordergen_client.verification.verify import Report, verify_export

__all__ = ["Finding", "Findings", "Report", "verify_export"]
