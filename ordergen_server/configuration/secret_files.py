"""Secrets from files, as clusters mount them: `ORDERGEN_..._FILE` names the file of a secret setting.

pydantic-settings reads whole folders of files that are named as the fields are; a variable a file lets each
secret be mounted wherever it is, and says of what is wrong which variable it is.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

SUFFIX = "_file"


def secret_fields(settings: type[BaseSettings]) -> Iterator[str]:
    """The fields that this source fills: secrets without a field of their own for their file."""
    for name, field in settings.model_fields.items():
        if is_secret(field) and f"{name}{SUFFIX}" not in settings.model_fields:
            yield name


def is_secret(field: FieldInfo) -> bool:
    """Whether a field is of a secret."""
    return SecretStr in (field.annotation, *get_args(field.annotation))


def variable(settings: type[BaseSettings], name: str) -> str:
    """The variable of a field."""
    return f"{settings.model_config.get('env_prefix', '')}{name}".upper()


class SecretFiles(PydanticBaseSettingsSource):
    """Reads each secret whose file is named; the newlines that end it are no part of it."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The secret of a field out of its file; None where no file is named.

        Raises:
            ValueError: the file cannot be read or is empty, or the secret is given by its variable, too.
        """
        given = {name.upper(): value for name, value in os.environ.items()}
        own = variable(self.settings_cls, field_name)
        named = variable(self.settings_cls, f"{field_name}{SUFFIX}")
        if not is_secret(field) or named not in given:
            return None, field_name, False
        if own in given:
            raise ValueError(f"{own} and {named} are both given: give one of them")
        return _content(named, Path(given[named])), field_name, False

    def __call__(self) -> dict[str, Any]:
        """All secrets whose files are named."""
        fields = self.settings_cls.model_fields
        found = {
            name: self.get_field_value(fields[name], name)[0] for name in secret_fields(self.settings_cls)
        }
        return {name: value for name, value in found.items() if value is not None}


class SettingsWithSecrets(BaseSettings):
    """Settings from arguments, then from variables, then from the files of secrets that variables name."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """In that order; nothing is read that nobody named."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, SecretFiles(settings_cls)


def _content(named: str, path: Path) -> str:
    """What is in a file. No message has its path in it, which may be a secret in the wrong variable."""
    try:
        content = path.read_bytes().decode().rstrip("\r\n")
    except OSError as error:
        raise ValueError(f"{named} names a file that cannot be read: {error.strerror}") from None
    except ValueError:  # no path, or no UTF-8; the message has the bytes
        raise ValueError(f"{named} names a file that is no text") from None
    if not content:
        raise ValueError(f"{named} names a file that is empty")
    return content
