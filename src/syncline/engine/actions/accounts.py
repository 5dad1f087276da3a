"""Which account a person's conversion ends in: the one that was named, the one a rule finds, or a new one.

A rule that finds several decides nothing: a person does. Reads only.
"""

from __future__ import annotations

from enum import StrEnum
from urllib.parse import urlsplit

from syncline.engine.actions.acting import Acting, Person
from syncline.engine.actions.results import Refused
from syncline.engine.actions.tokens import cell_of
from syncline.engine.observe import consult
from syncline.records import ID

PUBLIC_MAIL = frozenset(
    {
        "aol.com",
        "gmail.com",
        "gmx.de",
        "gmx.net",
        "googlemail.com",
        "hotmail.com",
        "icloud.com",
        "live.com",
        "mail.ru",
        "outlook.com",
        "proton.me",
        "protonmail.com",
        "qq.com",
        "t-online.de",
        "web.de",
        "yahoo.com",
    }
)
"""Addresses there say nothing of a company."""


class AccountBy(StrEnum):
    """How the account is chosen; NAME and DOMAIN make a new one where they find none."""

    NEW = "new"
    NAME = "name"  # an account of exactly the person's company name, case apart
    DOMAIN = "domain"  # one whose website is the person's, or that of the person's address


async def account_by_id(acting: Acting, account_id: str) -> str:
    """The account's full id. Refused SYN-176 if it is not there."""
    found = await _accounts(acting, None, [account_id])
    if not found:
        raise Refused("SYN-176", f"There is no account {account_id!r}.")
    return found[0]


async def account_of_contact(acting: Acting, contact_id: str) -> tuple[str, str]:
    """The contact's id and its account's. Refused SYN-176 if there is no such contact, or it has no account."""
    shape = acting.table.account
    connection = acting.sync.side(acting.table.side).connection
    rows = await consult(acting.world, connection, shape.contact_type, [shape.contact_account], [contact_id])
    if rows.is_empty():
        raise Refused("SYN-176", f"There is no contact {contact_id!r}.")
    account = rows[shape.contact_account][0]
    if not account:
        raise Refused("SYN-176", f"The contact {contact_id!r} has no account: nobody can be converted into it.")
    return str(rows[ID][0]), str(account)


async def account_by_rule(acting: Acting, person: Person, by: AccountBy) -> str | None:
    """The id of the one account that the rule finds; None: a new one. Refused SYN-176 if it finds several."""
    shape = acting.table.account
    if by is AccountBy.NEW:
        return None
    if by is AccountBy.NAME:
        key_field, values = shape.name, [await cell_of(acting, person, acting.table.company)]
    else:
        key_field, values = shape.website, await _websites(acting, person)
    found = await _accounts(acting, key_field, [value for value in values if value])
    if len(found) > 1:
        raise Refused("SYN-176", f"{len(found)} accounts fit by {by.value}.", candidates=found)
    return found[0] if found else None


async def _accounts(acting: Acting, key_field: str | None, values: list[str]) -> list[str]:
    if not values:
        return []
    shape = acting.table.account
    connection = acting.sync.side(acting.table.side).connection
    rows = await consult(acting.world, connection, shape.object_type, [shape.name], values, key_field=key_field)
    return [str(found) for found in rows[ID]]


def _host(website: str) -> str:
    """The host of a website as somebody typed it; "" if it has none."""
    try:
        return urlsplit(website if "//" in website else f"//{website}").hostname or ""
    except ValueError:
        return ""


async def _websites(acting: Acting, person: Person) -> list[str]:
    """The ways in which an account's website may be written that is the person's or that of the person's address."""
    website = await cell_of(acting, person, acting.table.website)
    address = await cell_of(acting, person, acting.table.email)
    host = _host(website)
    mail = address.rpartition("@")[2].strip().lower()
    domains = dict.fromkeys((host.lower().removeprefix("www."), "" if mail in PUBLIC_MAIL else mail))
    return [
        f"{scheme}{www}{domain}{slash}"
        for domain in domains
        if domain
        for scheme in ("", "https://", "http://")
        for www in ("", "www.")
        for slash in ("", "/")
    ]
