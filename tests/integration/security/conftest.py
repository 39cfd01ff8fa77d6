"""Servers that ask who calls, behind real ports."""

import pytest
import trustme

from tests.issuers import Issuer


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def stranger() -> trustme.CA:
    """Signs good certificates that nobody here trusts."""
    return trustme.CA()


@pytest.fixture(scope="session")
def issuer() -> Issuer:
    return Issuer({"first": "RS256", "second": "ES256"})
