"""An authority and the files of what it signed, one of each for a module."""

import pytest
import trustme

from tests import tls
from tests.tls import Files


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA) -> Files:
    return tls.written(tmp_path_factory.mktemp("tls"), authority)
