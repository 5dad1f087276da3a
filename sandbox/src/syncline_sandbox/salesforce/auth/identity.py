"""Who a token belongs to: the identity URL, userinfo, and introspection.

Lives here: their JSON and their refusals ("Identity URLs", "The UserInfo Endpoint", "OpenID Connect Token
Introspection" in Salesforce Help). A refused identity is a bare word, not an error array.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from syncline_sandbox.core.wire import Request
from syncline_sandbox.salesforce.ids import full_id
from syncline_sandbox.salesforce.limits import LAST_VERSION
from syncline_sandbox.salesforce.web import Answer

from .replies import OAuthRefused, reply, text_error
from .sessions import bearer

if TYPE_CHECKING:
    from .door import Auth

_SERVICES = {
    "enterprise": "/services/Soap/c/{version}/",
    "metadata": "/services/Soap/m/{version}/",
    "partner": "/services/Soap/u/{version}/",
    "rest": "/services/data/v{version}/",
    "sobjects": "/services/data/v{version}/sobjects/",
    "search": "/services/data/v{version}/search/",
    "query": "/services/data/v{version}/query/",
    "recent": "/services/data/v{version}/recent/",
    "tooling_soap": "/services/Soap/T/{version}/",
    "tooling_rest": "/services/data/v{version}/tooling/",
}


class Identity:
    """What the org says about users to those who hold their tokens."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    def identity(self, request: Request, asked: Mapping[str, str]) -> Answer:
        """`/id/<organization>/<user>`."""
        token = asked.get("oauth_token") or bearer(request)
        if not token:
            return text_error(403, "Missing_OAuth_Token")
        session = self._auth.sessions.used(token)
        if session is None:
            return text_error(403, "Bad_OAuth_Token")
        organization_id, _, user_id = request.path.strip("/").removeprefix("id/").partition("/")
        if full_id(organization_id) != self._auth.organization_id:
            return text_error(403, "Wrong_Org")
        row = self._auth.user_row(full_id(user_id) or "")
        if row is None:
            return text_error(404, "Bad_Id")
        return reply(request, asked, self._identity_of(request, row, asked.get("version")), root="user")

    def userinfo(self, request: Request, asked: Mapping[str, str]) -> Answer:
        """`/services/oauth2/userinfo`, of the token's own user."""
        session = self._auth.sessions.used(asked.get("access_token") or bearer(request))
        row = self._auth.user_row(session.user_id) if session is not None else None
        if row is None:
            return text_error(403, "Bad_OAuth_Token")
        return reply(request, asked, self._userinfo_of(request, row), root="user")

    def introspect(self, request: Request, form: Mapping[str, str]) -> Answer:
        """What a token is good for, told to the app it was issued to."""
        try:
            app = self._auth.grants.client(request, form)
        except OAuthRefused as refused:
            raise OAuthRefused("invalid_client", refused.description, status=401) from refused
        found = self._token_facts(form.get("token", ""), app.client_id)
        if found is None:
            return reply(request, {}, {"active": False})
        login = self._auth.login_of(found["user_id"])
        shape = {
            "active": True,
            "scope": found["scope"],
            "client_id": app.client_id,
            "username": login.username if login else None,
            "sub": self._auth.identity_url(request, found["user_id"]),
            "token_type": found["token_type"],
            **found["times"],
        }
        return reply(request, {}, shape)

    def _token_facts(self, token: str, client_id: str) -> dict[str, Any] | None:
        session = self._auth.sessions.live(token)
        if session is not None and session.client_id == client_id:
            opened = int(session.opened_at.timestamp())
            idle = self._auth.sessions.idle_seconds if session.idle_seconds is None else session.idle_seconds
            ends = int(session.used_at.timestamp() + idle)
            times = {"exp": ends, "iat": opened, "nbf": opened}
            scope = " ".join(session.scopes)
            return {"user_id": session.user_id, "scope": scope, "token_type": "access_token", "times": times}
        approval = self._auth.refresh_tokens.approval(token)
        if approval is None or approval.client_id != client_id:
            return None
        times = {"iat": int(approval.approved_at), "nbf": int(approval.approved_at)}
        scope = " ".join(approval.scopes)
        return {"user_id": approval.user_id, "scope": scope, "token_type": "refresh_token", "times": times}

    def _identity_of(self, request: Request, row: Mapping[str, Any], version: str | None) -> dict[str, Any]:
        base = self._auth.instance_url(request)
        return {
            "id": self._auth.identity_url(request, row["Id"]),
            "asserted_user": True,
            "user_id": row["Id"],
            "organization_id": self._auth.organization_id,
            "username": row["Username"],
            "nick_name": row["CommunityNickname"],
            "display_name": row["Name"],
            "email": row["Email"],
            "email_verified": True,
            "first_name": row["FirstName"],
            "last_name": row["LastName"],
            "timezone": row["TimeZoneSidKey"],
            "photos": _photos(base),
            "addr_street": row["Street"],
            "addr_city": row["City"],
            "addr_state": row["State"],
            "addr_country": row["Country"],
            "addr_zip": row["PostalCode"],
            "mobile_phone": row["MobilePhone"],
            "mobile_phone_verified": False,
            "is_lightning_login_user": False,
            "status": {"created_date": None, "body": None},
            "urls": _urls(base, row["Id"], version),
            **self._common(row),
            "last_modified_date": row["LastModifiedDate"],
        }

    def _userinfo_of(self, request: Request, row: Mapping[str, Any]) -> dict[str, Any]:
        base = self._auth.instance_url(request)
        address = {
            "street_address": row["Street"],
            "locality": row["City"],
            "region": row["State"],
            "country": row["Country"],
            "postal_code": row["PostalCode"],
        }
        return {
            "sub": self._auth.identity_url(request, row["Id"]),
            "user_id": row["Id"],
            "organization_id": self._auth.organization_id,
            "preferred_username": row["Username"],
            "nickname": row["CommunityNickname"],
            "name": row["Name"],
            "email": row["Email"],
            "email_verified": True,
            "given_name": row["FirstName"],
            "family_name": row["LastName"],
            "zoneinfo": row["TimeZoneSidKey"],
            "photos": _photos(base),
            "profile": f"{base}/{row['Id']}",
            "picture": _photos(base)["picture"],
            "address": {name: value for name, value in address.items() if value is not None},
            "is_salesforce_integration_user": False,
            "urls": _urls(base, row["Id"], None),
            **self._common(row),
            "updated_at": row["LastModifiedDate"],
        }

    def _common(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "active": bool(row["IsActive"]),
            "user_type": "STANDARD",
            "language": row["LanguageLocaleKey"],
            "locale": row["LocaleSidKey"],
            "utcOffset": 0,
            "is_app_installed": True,
        }


def _photos(base: str) -> dict[str, str]:
    return {"picture": f"{base}/profilephoto/005/F", "thumbnail": f"{base}/profilephoto/005/T"}


def _urls(base: str, user_id: str, version: str | None) -> dict[str, str]:
    number = f"{LAST_VERSION}.0" if version == "latest" else version or "{version}"
    urls = {name: base + path.replace("{version}", number) for name, path in _SERVICES.items()}
    return {**urls, "profile": f"{base}/{user_id}", "custom_domain": base}
