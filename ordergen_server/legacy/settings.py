"""Where to import from, by environment variables; where to is said by the settings of the server."""

import re
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from ordergen_server.configuration.secret_files import SettingsWithSecrets

#: As the settings of the server have it.
_NAME = re.compile(r'[^/\\. "$*<>:|?\x00]{1,63}')
_NO_SOURCE = "nothing says where to import from: give --from, or set ORDERGEN_LEGACY_MONGODB_URI"
_SCHEMES = ("mongodb://", "mongodb+srv://")
_NO_ADDRESS = "the address of the database to import from is not that of a MongoDB"
_NO_NAME = "nothing names the database to import from: give --from-database, or name it in the address"


class LegacySettings(SettingsWithSecrets):
    """Variables named `ORDERGEN_LEGACY_` and the field in capitals; a file may have the secret."""

    model_config = SettingsConfigDict(env_prefix="ORDERGEN_LEGACY_", frozen=True, hide_input_in_errors=True)

    mongodb_uri: SecretStr | None = Field(default=None, description="The MongoDB of the service before.")
    mongodb_database: str | None = Field(
        default=None, description="Its database. Unset: the one that the address names."
    )

    @property
    def source(self) -> tuple[str, str]:
        """The address and the name of the database to import from.

        Raises:
            ValueError: one of them is not given, or the name is none.
        """
        if self.mongodb_uri is None:
            raise ValueError(_NO_SOURCE)
        uri = self.mongodb_uri.get_secret_value()
        if not uri.startswith(_SCHEMES):
            raise ValueError(_NO_ADDRESS)
        name = self.mongodb_database or _named_in(uri)
        if not name:
            raise ValueError(_NO_NAME)
        if not _NAME.fullmatch(name):
            raise ValueError("the name of the database to import from is none")
        return uri, name


def _named_in(uri: str) -> str:
    try:
        return unquote(urlsplit(uri).path.strip("/"))
    except ValueError:  # no address; its text may have a part of the password
        return ""
