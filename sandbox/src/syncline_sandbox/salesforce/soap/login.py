"""The SOAP `login` call and what it tells about the user, elements in the order of the WSDL.

Lives here: LoginResult and GetUserInfoResult; passwords and sessions are in `auth.py`. ("login()" in the SOAP API
Developer Guide; absent from API 65.0 on.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncline_sandbox.core.wire import Request
from syncline_sandbox.salesforce.auth import Auth, org_id_15
from syncline_sandbox.salesforce.web import Answer

from .envelope import Raw, SoapFault, SoapRequest, elements, response, result, text

LAST_VERSION = 64.0
_BAD_LOGIN = "Invalid username, password, security token; or user locked out."


def soap_login(
    asked: SoapRequest, request: Request, auth: Auth, organization: Mapping[str, Any], user_of: Any
) -> Answer:
    """Answer a SOAP login. *user_of* maps a user id to the stored row of that user. SoapFault when it is refused."""
    if not 31.0 <= float(asked.version) <= LAST_VERSION:
        raise SoapFault("UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL")
    username = text(asked.arguments, "username") or ""
    user_id = auth.password_user(username, text(asked.arguments, "password") or "")
    if user_id is None:
        raise SoapFault("INVALID_LOGIN", _BAD_LOGIN)
    endpoint = "u" if asked.flavour == "partner" else "c"
    instance = auth.instance_url(request)
    server = f"{instance}/services/Soap/{endpoint}/{asked.version}/{org_id_15(organization['Id'])}"
    user = user_of(user_id)
    info = elements(user_info(auth, organization, user))
    login = {
        "metadataServerUrl": f"{instance}/services/Soap/m/{server.partition(f'/Soap/{endpoint}/')[2]}",
        "passwordExpired": False,
        "sandbox": bool(organization["IsSandbox"]),
        "serverUrl": server,
        "sessionId": auth.open_session(user["Id"]),
        "userId": user["Id"],
        "userInfo": Raw(f"<userInfo>{info}</userInfo>"),
    }
    return response(asked, [result(login)])


def user_info(auth: Auth, organization: Mapping[str, Any], user: Mapping[str, Any]) -> dict[str, Any]:
    """GetUserInfoResult of one user."""
    return {
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
