"""The refusals of names nobody knows, or the user may not: objects, columns, relationships. And how SQL quotes."""

from __future__ import annotations

from .errors import INVALID_FIELD, INVALID_TYPE, SoqlError, pointed

_WSDL = "Please reference your WSDL or the describe call for the appropriate names."
_RELATIONSHIP = "custom relationship"
_RELATIONSHIP_HINT = (
    f"If you are attempting to use a {_RELATIONSHIP}, be sure to append the '__r' after the {_RELATIONSHIP} name."
)


def unknown_object(name: str, text: str, at: int) -> SoqlError:
    hint = "If you are attempting to use a custom object, be sure to append the '__c' after the entity name."
    return pointed(INVALID_TYPE, f"sObject type '{name}' is not supported. {hint} {_WSDL}", text, at)


def unknown_column(name: str, entity: str, text: str, at: int) -> SoqlError:
    hint = "If you are attempting to use a custom field, be sure to append the '__c' after the custom field name."
    return pointed(INVALID_FIELD, f"No such column '{name}' on entity '{entity}'. {hint} {_WSDL}", text, at)


def unknown_relationship(name: str, text: str, at: int) -> SoqlError:
    message = f"Didn't understand relationship '{name}' in field path. {_RELATIONSHIP_HINT} {_WSDL}"
    return pointed(INVALID_FIELD, message, text, at)


def unknown_children(name: str, text: str, at: int) -> SoqlError:
    message = f"Didn't understand relationship '{name}' in FROM part of query call. {_RELATIONSHIP_HINT} {_WSDL}"
    return pointed(INVALID_TYPE, message, text, at)


def quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def text_sql(text: str) -> str:
    """*text* as a SQL literal."""
    return "'" + text.replace("'", "''") + "'"
