"""The calls of the SOAP API this org answers, by name.

Lives here: which room a call is answered in, and the small ones ("getUserInfo()", "getServerTimestamp()",
"setPassword()", "resetPassword()", "invalidateSessions()" of the SOAP API Developer Guide). Rows are in `rows.py`,
reads in `reads.py`, describes in `describes.py`, `login` and `logout` at the door.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from syncline_sandbox.salesforce.caller import Caller
from syncline_sandbox.salesforce.errors import OrgError
from syncline_sandbox.salesforce.founding import organization

from .describes import SoapDescribes
from .envelope import SoapFault, SoapRequest, result, row_errors, text, texts
from .login import user_info
from .reads import SoapReads
from .rows import ROW_CALLS, SoapRows
from .sobjects import soap_time

if TYPE_CHECKING:
    from syncline_sandbox.salesforce.org import SalesforceOrg


class SoapCalls:
    """The calls over one org: written results, or SoapFault for a call refused as a whole."""

    def __init__(self, org: SalesforceOrg) -> None:
        self._org = org
        self._rows = SoapRows(org)
        reads = SoapReads(org)
        describes = SoapDescribes(reads)
        self._calls: dict[str, Callable[[Caller, SoapRequest], list[str]]] = {
            "query": reads.query,
            "queryAll": reads.query_all,
            "queryMore": reads.query_more,
            "retrieve": reads.retrieve,
            "getUpdated": reads.updated,
            "getDeleted": reads.deleted,
            "describeGlobal": describes.everything,
            "describeSObject": describes.one,
            "describeSObjects": describes.some,
            "describeTabs": describes.tabs,
            "getUserInfo": self.user_info,
            "getServerTimestamp": self.timestamp,
            "setPassword": self.set_password,
            "resetPassword": self.reset_password,
            "invalidateSessions": self.invalidate_sessions,
        }

    def answer(self, caller: Caller, asked: SoapRequest) -> list[str]:
        """The results of a call, written. SoapFault for a call this endpoint does not answer, or one too large."""
        if asked.operation in ROW_CALLS:
            return self._rows.answer(ROW_CALLS[asked.operation], caller, asked)
        call = self._calls.get(asked.operation)
        if call is None:
            raise SoapFault("INVALID_OPERATION", f"this endpoint does not answer {asked.operation}")
        return call(caller, asked)

    def user_info(self, caller: Caller, _asked: SoapRequest) -> list[str]:
        org = self._org
        return [result(user_info(org.auth, organization(org.storage), org.user(caller.user_id)))]

    def timestamp(self, _caller: Caller, _asked: SoapRequest) -> list[str]:
        return [result({"timestamp": soap_time(self._org.stamp())})]

    def set_password(self, caller: Caller, asked: SoapRequest) -> list[str]:
        user_id, password = text(asked.arguments, "userId") or "", text(asked.arguments, "password") or ""
        self._org.passwords.set(caller, user_id, password)
        return [result({})]

    def reset_password(self, caller: Caller, asked: SoapRequest) -> list[str]:
        return [result({"password": self._org.passwords.reset(caller, text(asked.arguments, "userId") or "")})]

    def invalidate_sessions(self, _caller: Caller, asked: SoapRequest) -> list[str]:
        ended = [self._org.auth.sessions.end(token) is not None for token in texts(asked.arguments, "sessionIds")]
        unknown = OrgError("INVALID_SESSION_ID", "Session not found")
        return [
            result({"success": True} if done else {"errors": row_errors(unknown), "success": False}) for done in ended
        ]
