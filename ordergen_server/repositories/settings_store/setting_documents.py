"""Settings of a portfolio as they are stored, under the id of the portfolio.

What was deleted leaves its version, for seven days: settings that are made anew go on from it, so that nobody
who read those before can change these.
"""

from typing import cast

from ordergen_server.domain.desk.portfolio_settings import AppliedSettings, PortfolioSettings, SettingsContent
from ordergen_server.repositories.mongodb.codec import Document
from ordergen_server.repositories.mongodb.documents import from_document, to_document

SETTINGS = "portfolio_settings"
#: When settings were deleted; what has it is none.
DELETED = "delete_time"
#: How long the version of deleted settings is remembered.
REMEMBERED_SECONDS = 7 * 24 * 3600
#: What runs do not need: text for people, and what is about the document.
WITHOUT_TEXT = {"note": 0, "change_ids": 0, "create_time": 0, "update_time": 0, "actor": 0}


def settings_of(document: Document) -> PortfolioSettings:
    """The settings of a document."""
    whole = {"portfolio_id": document["_id"], **document}
    return from_document({**whole, "content": whole}, PortfolioSettings)


def applied_of(document: Document) -> AppliedSettings:
    """What a run keeps of a document."""
    return AppliedSettings(cast("int", document["version"]), from_document(document, SettingsContent))


def settings_document(value: PortfolioSettings) -> Document:
    """The document of settings."""
    return {
        "_id": value.portfolio_id,
        **to_document(value.content),
        "version": value.version,
        "create_time": value.create_time,
        "update_time": value.update_time,
        "actor": value.actor,
    }
