"""The way of a SOAP request: session, quota, transaction, answer; a fault where a REST call has an error array.

Lives here: the session of the SOAP header ("SessionHeader"), and the headers that change what a write does
("AssignmentRuleHeader", "CallOptions", "DuplicateRuleHeader", "MruHeader" of the SOAP API Developer Guide). The
calls are in `calls.py`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from syncline_sandbox.core.wire import Request
from syncline_sandbox.salesforce.caller import Caller
from syncline_sandbox.salesforce.errors import OrgError
from syncline_sandbox.salesforce.founding import organization
from syncline_sandbox.salesforce.limits import FIRST_VERSION, LAST_VERSION
from syncline_sandbox.salesforce.web import Answer

from .calls import SoapCalls
from .envelope import SoapFault, SoapRequest, fault, flag, is_soap, read_soap, response, text
from .login import soap_login

if TYPE_CHECKING:
    from syncline_sandbox.salesforce.org import SalesforceOrg

_EXPIRED = "Invalid Session ID found in SessionHeader: Illegal Session"


class SoapDoor:
    """Answers what is addressed to the SOAP endpoints of one org."""

    def __init__(self, org: SalesforceOrg) -> None:
        self._org = org
        self._calls = SoapCalls(org)

    def with_session(self, request: Request) -> Request:
        """The request with the session of its SOAP header where a REST call has it; others as they are."""
        if not is_soap(request.path):
            return request
        try:
            session = text(read_soap(request).headers.get("SessionHeader"), "sessionId")
        except SoapFault:
            return request  # `answer` says what is wrong with it
        headers = {**request.headers, "authorization": f"Bearer {session or ''}"}
        return replace(request, headers=headers)

    def answer(self, request: Request) -> Answer:
        """Answer a request, or say by a fault why not."""
        flavour = "partner"
        try:
            asked = read_soap(request)
            flavour = asked.flavour
            if not FIRST_VERSION <= float(asked.version) <= LAST_VERSION:
                raise SoapFault("UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL")
            if asked.operation == "login":
                org = self._org
                return soap_login(asked, request, org.auth, organization(org.storage), org.user)
            return self._org.counted(request)
        except SoapFault as refused:
            return fault(refused.code, refused.message, flavour)
        except OrgError as refused:
            return self.refusal(refused, flavour)

    def run(self, request: Request, user_id: str) -> Answer:
        """Run a call of this user inside the transaction of the request. SoapFault when it is refused as a whole."""
        asked = read_soap(request)
        if asked.operation == "logout":
            self._org.auth.expire(request)
            return response(asked, [])
        caller = self._caller(asked, request, user_id)
        if asked.flavour == "metadata":
            return response(asked, self._org.metadata.answer(caller, asked))
        return self._org.recents.watch(caller, lambda: response(asked, self._calls.answer(caller, asked)))

    def refusal(self, refused: OrgError, flavour: str = "partner") -> Answer:
        """The fault that says what a REST call is told by an error array."""
        message = _EXPIRED if refused.code == "INVALID_SESSION_ID" else refused.message
        return fault(refused.code, message, flavour)

    def _caller(self, asked: SoapRequest, request: Request, user_id: str) -> Caller:
        rule = asked.headers.get("AssignmentRuleHeader")
        # Unlike in REST, no rule runs unless it is asked for.
        assign = flag(rule, "useDefaultRule") or text(rule, "assignmentRuleId") is not None
        headers = {"sforce-auto-assign": "TRUE" if assign else "FALSE"}
        if flag(asked.headers.get("DuplicateRuleHeader"), "allowSave"):
            headers["sforce-duplicate-rule-header"] = "allowSave=true"
        if flag(asked.headers.get("MruHeader"), "updateMru"):
            headers["sforce-mru"] = "updateMru=true"
        if client := text(asked.headers.get("CallOptions"), "client"):
            headers["sforce-call-options"] = f"client={client}"
        return Caller(
            user_id=user_id,
            rights=self._org.people.rights(user_id),
            version=asked.version,
            request_line=f"{request.method} {request.path}",
            headers=headers,
            base_url=request.base_url,
        )
