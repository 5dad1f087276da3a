"""Every SOAP answer against the Partner WSDL itself, read strictly by zeep: element order, nil and types.

The WSDL is the one jsforce ships (API 47.0).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import zeep
from lxml.etree import Element  # type: ignore[import-untyped]
from zeep.exceptions import Fault

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.core.server import serve
from syncline_sandbox.salesforce.org import SalesforceOrg
from syncline_sandbox.salesforce.people import PASSWORD, USERNAME
from tests.clients.node import installed
from tests.sandbox.salesforce_client import START

WSDL = "node_modules/jsforce/src/api/soap/wsdl.xml"


class Partner:
    """A session of the Partner API; a call answers its result."""

    def __init__(self, org: SalesforceOrg, url: str, client: Any) -> None:
        self.org = org
        self._client = client
        self._service = client.create_service("{urn:partner.soap.sforce.com}SoapBinding", f"{url}/services/Soap/u/59.0")
        self.info: Any = self._service.login(username=USERNAME, password=PASSWORD)

    def __call__(self, call: str, *arguments: Any, **headers: Any) -> Any:
        sent = {"SessionHeader": {"sessionId": self.info.sessionId}, **headers}
        answer = self._service[call](*arguments, _soapheaders=sent)
        body = getattr(answer, "body", answer)
        return getattr(body, "result", body)

    def sobject(self, kind: str, **fields: Any) -> Any:
        """A record to send, as the WSDL has it."""
        elements = []
        for name, value in fields.items():
            element = Element(f"{{urn:sobject.partner.soap.sforce.com}}{name}")
            element.text = value
            elements.append(element)
        made = self._client.get_type("{urn:sobject.partner.soap.sforce.com}sObject")
        return made(type=kind, _value_1=elements)


@pytest.fixture(scope="module")
def served() -> Iterator[Partner]:
    settings = zeep.Settings(strict=True)
    client = zeep.Client(str(installed("jsforce") / WSDL), settings=settings)  # type: ignore[no-untyped-call]
    org = SalesforceOrg(clock=SandboxClock(frozen_at=START))
    with serve(org) as url:
        yield Partner(org, url, client)


@pytest.fixture
def partner(served: Partner) -> Partner:
    served.org.control.reset()
    served.info.sessionId = served.org.auth.open_session(served.org.people.user_id(USERNAME))
    return served


def _leads(partner: Partner, count: int) -> list[str]:
    return partner.org.seed("Lead", [{"LastName": f"n{n}", "Company": "c", "City": "Ulm"} for n in range(count)])


def test_who_is_logged_in(partner):
    assert partner.info.userInfo.organizationId == partner.org.auth.organization_id
    assert partner("getUserInfo").userName == USERNAME
    assert partner("getServerTimestamp").timestamp == START


def test_every_object_describes(partner):
    found = partner("describeGlobal").sobjects
    names = [sobject.name for sobject in found]
    for start in range(0, len(names), 100):
        described = partner("describeSObjects", names[start : start + 100])
        assert [sobject.name for sobject in described] == names[start : start + 100]
    assert "Id" in {field.name for field in partner("describeSObject", "Lead").fields}
    assert partner("describeTabs")[0].tabs


@pytest.mark.parametrize(
    "soql",
    [
        "SELECT Id, LastName, CreatedDate, Owner.Name, Address, Email, NumberOfEmployees, IsConverted FROM Lead",
        "SELECT Id, (SELECT LastName FROM Contacts), (SELECT Id FROM Opportunities) FROM Account",
        "SELECT count() FROM Lead",
        "SELECT City, count(Id) FROM Lead GROUP BY City",
    ],
)
def test_queries(partner, soql):
    _leads(partner, 3)
    (account,) = partner.org.seed("Account", [{"Name": "A"}])
    partner.org.seed("Contact", [{"LastName": "L", "AccountId": account}])
    for call in ("query", "queryAll"):
        assert partner(call, soql).done is True


def test_pages(partner):
    _leads(partner, 450)
    page = partner("query", "SELECT Id FROM Lead", QueryOptions={"batchSize": 200})
    assert (page.done, page.size, len(page.records)) == (False, 450, 200)
    assert len(partner("queryMore", page.queryLocator, QueryOptions={"batchSize": 200}).records) == 200
    with pytest.raises(Fault, match="invalid query locator"):
        partner("queryMore", "0r8000000000000AAA-1")


def test_rows(partner):
    made = partner("create", [partner.sobject("Lead", LastName="x", Company="c"), partner.sobject("Lead")])
    assert [result.success for result in made] == [True, False]
    lead = made[0].id
    changed = partner.sobject("Lead", City="Ulm")
    changed.Id = lead
    assert partner("update", [changed])[0].success is True
    refused = partner("create", [changed])
    assert refused[0].errors[0].statusCode == "INVALID_FIELD_FOR_INSERT_UPDATE"
    found = partner("retrieve", "Id, City", "Lead", [lead, "00Q000000000000AAA"])
    assert [record.Id for record in found] == [lead, None]
    assert partner("upsert", "Id", [changed])[0].created is False
    rolled = partner("create", [partner.sobject("Lead")], AllOrNoneHeader={"allOrNone": True})
    assert rolled[0].success is False
    for call in ("delete", "undelete", "delete", "emptyRecycleBin"):
        assert partner(call, [lead])[0].success is True


def test_what_changed(partner):
    kept, gone = _leads(partner, 2)
    partner("delete", [gone])
    partner.org.clock.advance(180)
    span = START - timedelta(minutes=5), START + timedelta(minutes=2)
    assert partner("getUpdated", "Lead", *span).ids == [kept]
    assert [row.id for row in partner("getDeleted", "Lead", *span).deletedRecords] == [gone]


def test_the_ends_of_leads(partner):
    first, second, third = _leads(partner, 3)
    wanted = dict.fromkeys(("doNotCreateOpportunity", "overwriteLeadSource", "sendNotificationEmail"), False)
    convert = {**wanted, "leadId": first, "convertedStatus": "Closed - Converted"}
    assert partner("convertLead", [convert])[0].success is True
    assert partner("convertLead", [convert])[0].errors[0].statusCode == "CANNOT_UPDATE_CONVERTED_LEAD"
    master = partner.sobject("Lead")
    master.Id = second
    (merged,) = partner("merge", [{"masterRecord": master, "recordToMergeIds": [third]}])
    assert (merged.success, merged.mergedRecordIds) == (True, [third])


def test_passwords_sessions_and_faults(partner):
    user_id = partner.org.people.user_id(USERNAME)
    partner("setPassword", user_id, "other-password")
    assert partner("resetPassword", user_id).password
    assert partner("invalidateSessions", ["x"])[0].success is False
    with pytest.raises(Fault, match="No such column"):
        partner("query", "SELECT Nope FROM Lead")
    partner("logout")
    with pytest.raises(Fault, match="INVALID_SESSION_ID"):
        partner("getUserInfo")
