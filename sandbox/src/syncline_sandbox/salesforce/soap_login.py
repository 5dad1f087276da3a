"""The SOAP `login` call: envelope in, session id out, elements in the order of the Partner WSDL.

Lives here: the XML only; passwords and sessions are in `auth.py`. ("login()" in the SOAP API Developer Guide; absent
from API 65.0 on.)
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from syncline_sandbox.core.wire import Request

from .auth import Auth, org_id_15
from .web import Answer

_PARTNER = "{urn:partner.soap.sforce.com}"
_PATH = re.compile(r"/services/Soap/u/(\d+\.\d)(/.*)?", re.IGNORECASE)
LAST_VERSION = 64.0
_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope '
    'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns="urn:partner.soap.sforce.com" '
    'xmlns:sf="urn:fault.partner.soap.sforce.com" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
    "<soapenv:Body>{}</soapenv:Body></soapenv:Envelope>"
)
_BAD_LOGIN = "Invalid username, password, security token; or user locked out."


def soap_login(request: Request, auth: Auth, organization: dict[str, Any], user_of: Any) -> Answer:
    """Answer a SOAP login. *user_of* maps a user id to the stored row of that user."""
    match = _PATH.fullmatch(request.path)
    if match is None or not 31.0 <= float(match[1]) <= LAST_VERSION:
        return _fault("UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL")
    try:
        login = ElementTree.fromstring(request.body).find(f".//{_PARTNER}login")
    except ElementTree.ParseError as broken:
        return _fault("UNKNOWN_EXCEPTION", f"not well-formed: {broken}")
    if login is None:
        return _fault("UNKNOWN_EXCEPTION", "this endpoint answers login only")
    username = login.findtext(f"{_PARTNER}username") or ""
    user_id = auth.password_user(username, login.findtext(f"{_PARTNER}password") or "")
    if user_id is None:
        return _fault("INVALID_LOGIN", _BAD_LOGIN)
    server = f"{request.base_url}/services/Soap/u/{match[1]}/{org_id_15(organization['Id'])}"
    return _xml(
        200, f"<loginResponse><result>{_result(auth, server, organization, user_of(user_id))}</result></loginResponse>"
    )


def _result(auth: Auth, server: str, organization: dict[str, Any], user: dict[str, Any]) -> str:
    info = {
        "accessibilityMode": "false",
        "chatterExternal": "false",
        "currencySymbol": "$",
        "orgAttachmentFileSizeLimit": "5242880",
        "orgDefaultCurrencyIsoCode": "USD",
        "orgDefaultCurrencyLocale": "en_US",
        "orgDisallowHtmlAttachments": "false",
        "orgHasPersonAccounts": "false",
        "organizationId": organization["Id"],
        "organizationMultiCurrency": "false",
        "organizationName": organization["Name"],
        "profileId": user["ProfileId"],
        "roleId": "",
        "sessionSecondsValid": str(int(auth.idle_seconds)),
        "userDefaultCurrencyIsoCode": "",
        "userEmail": user["Email"],
        "userFullName": user["Name"],
        "userId": user["Id"],
        "userLanguage": user["LanguageLocaleKey"],
        "userLocale": user["LocaleSidKey"],
        "userName": user["Username"],
        "userTimeZone": user["TimeZoneSidKey"],
        "userType": user["UserType"],
        "userUiSkin": "Theme3",
    }
    result = {
        "metadataServerUrl": server.replace("/Soap/u/", "/Soap/m/"),
        "passwordExpired": "false",
        "sandbox": "true" if organization["IsSandbox"] else "false",
        "serverUrl": server,
        "sessionId": auth.open_session(user["Id"]),
        "userId": user["Id"],
    }
    return f"{_elements(result)}<userInfo>{_elements(info)}</userInfo>"


def _elements(values: dict[str, str | None]) -> str:
    return "".join(f"<{name}>{escape(value or '')}</{name}>" for name, value in values.items())


def _fault(code: str, text: str) -> Answer:
    detail = (
        f'<sf:LoginFault xsi:type="sf:LoginFault"><sf:exceptionCode>{code}</sf:exceptionCode>'
        f"<sf:exceptionMessage>{escape(text)}</sf:exceptionMessage></sf:LoginFault>"
    )
    fault = (
        f"<faultcode>sf:{code}</faultcode><faultstring>{code}: {escape(text)}</faultstring><detail>{detail}</detail>"
    )
    return _xml(500, f"<soapenv:Fault>{fault}</soapenv:Fault>")


def _xml(status: int, body: str) -> Answer:
    return Answer(status=status, raw=_ENVELOPE.format(body).encode(), content_type="text/xml;charset=UTF-8")
