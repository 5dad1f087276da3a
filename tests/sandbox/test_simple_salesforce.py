"""simple-salesforce, unmodified, against the org over https: logins, describe, paged queries, CRUD, upsert, Composite.

The client insists on https and on `*.salesforce.com` for logins, so its `requests` session gets an adapter that
connects to loopback and leaves the Host header as the client meant it. `bulk2` has a file of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce, SFType
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceMoreThanOneRecord,
    SalesforceResourceNotFound,
)

from syncline_sandbox.core.certificates import make_certificate
from syncline_sandbox.core.server import serve
from syncline_sandbox.salesforce.org import SalesforceOrg
from syncline_sandbox.salesforce.people import CLIENT_ID, CLIENT_SECRET, PASSWORD, SECURITY_TOKEN, USERNAME

DOMAIN = "sandbox.my"
APP = {"consumer_key": CLIENT_ID, "consumer_secret": CLIENT_SECRET}


class Loopback(HTTPAdapter):
    """Sends what is meant for any host to one address on loopback."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        meant = urlsplit(str(request.url))
        request.headers["Host"] = meant.netloc
        request.url = meant._replace(netloc=self._address).geturl()
        return super().send(request, *args, **kwargs)


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """The served org, and a session that trusts it."""
    certificate = make_certificate(Path(tmp_path_factory.mktemp("tls")))
    sandbox = SalesforceOrg()
    sandbox.add_field("Lead", {"name": "Ext__c", "external_id": True, "unique": True})
    with serve(sandbox, https=True, certificate=certificate) as url, requests.Session() as session:
        session.trust_env = False  # a proxy or an authority of the machine must not come between
        session.verify = str(certificate.authority)
        session.mount("https://", Loopback(urlsplit(url).netloc))
        yield SimpleNamespace(sandbox=sandbox, session=session)


def _login(org: SimpleNamespace, **options: Any) -> Any:
    return Salesforce(session=org.session, domain=DOMAIN, **options)


@pytest.fixture
def salesforce(org: SimpleNamespace) -> Any:
    org.sandbox.control.reset()
    return _login(org, **APP)


@pytest.mark.parametrize(
    "options",
    [
        APP,
        {**APP, "username": USERNAME, "password": PASSWORD},
        {"username": USERNAME, "password": PASSWORD, "security_token": SECURITY_TOKEN},
        {"username": USERNAME, "password": PASSWORD, "organizationId": "00D000000000000"},
    ],
    ids=["client credentials", "password", "SOAP with token", "SOAP with organization"],
)
def test_logins(org: SimpleNamespace, options: dict[str, str]) -> None:
    client = _login(org, **options)
    assert client.sf_instance == "sandbox.my.salesforce.com"
    assert "DailyApiRequests" in client.limits()
    used, allowed = client.api_usage["api-usage"]
    assert int(used) >= 1
    assert int(allowed) == 100_000
    assert client.is_sandbox() is True


def test_refused_logins(org: SimpleNamespace) -> None:
    with pytest.raises(SalesforceAuthenticationFailed, match="INVALID_LOGIN"):
        _login(org, username=USERNAME, password="no", security_token="")
    with pytest.raises(SalesforceAuthenticationFailed, match="invalid client credentials"):
        _login(org, consumer_key=CLIENT_ID, consumer_secret="no")


def test_describe(salesforce: Any) -> None:
    names = {sobject["name"] for sobject in salesforce.describe()["sobjects"]}
    assert {"Account", "Contact", "Lead", "User"} <= names
    fields = {field["name"]: field for field in salesforce.Lead.describe()["fields"]}
    assert fields["Ext__c"]["externalId"] is True
    assert salesforce.Lead.metadata()["objectDescribe"]["keyPrefix"] == "00Q"


def test_records(salesforce: Any) -> None:
    lead = salesforce.Lead
    made = lead.create({"LastName": "O'Hara", "Company": "Acme", "Email": "o@x.example"})
    assert made["success"] is True
    assert lead.get(made["id"])["Name"] == "O'Hara"
    assert lead.update(made["id"], {"City": "Perth"}) == 204
    assert lead.upsert("Ext__c/a%2Fb", {"LastName": "New", "Company": "c"}) == 201
    assert lead.upsert("Ext__c/a%2Fb", {"City": "Bern"}) == 200
    assert lead.get_by_custom_id("Ext__c", "a/b")["City"] == "Bern"
    assert lead.delete(made["id"]) == 204
    with pytest.raises(SalesforceResourceNotFound):
        lead.get(made["id"])
    with pytest.raises(SalesforceMalformedRequest) as refused:
        lead.create({"LastName": "x"})
    assert "REQUIRED_FIELD_MISSING" in str(refused.value)


def test_several_matches(salesforce: Any) -> None:
    for name in ("a", "b"):
        salesforce.Contact.create({"LastName": name, "Email": "same@x.example"})
    with pytest.raises(SalesforceMoreThanOneRecord):
        salesforce.Contact.upsert("Email/same@x.example", {"Title": "t"})


def test_paged_queries(org: SimpleNamespace, salesforce: Any) -> None:
    org.sandbox.seed("Lead", [{"LastName": f"n{n:05}", "Company": "c"} for n in range(4500)])
    soql = "SELECT Id, LastName, Owner.Name FROM Lead WHERE Company = 'c' ORDER BY LastName"
    found = salesforce.query_all(soql)
    assert (found["totalSize"], len(found["records"]), found["done"]) == (4500, 4500, True)
    assert [record["LastName"] for record in salesforce.query_all_iter(soql)] == [f"n{n:05}" for n in range(4500)]
    first = salesforce.query(soql)
    assert first["done"] is False
    locator = first["nextRecordsUrl"].rpartition("/")[2]
    assert len(salesforce.query_more(locator)["records"]) == 2000
    assert len(salesforce.query_more(first["nextRecordsUrl"], identifier_is_url=True)["records"]) == 2000


def test_deleted_and_updated(org: SimpleNamespace, salesforce: Any) -> None:
    made = salesforce.Lead.create({"LastName": "x", "Company": "c"})
    kept = salesforce.Lead.create({"LastName": "y", "Company": "c"})
    salesforce.Lead.delete(made["id"])
    found = salesforce.query_all("SELECT Id FROM Lead WHERE IsDeleted = true", include_deleted=True)
    assert [record["Id"] for record in found["records"]] == [made["id"]]
    org.sandbox.clock.advance(120)
    now = org.sandbox.clock.now()
    start, end = datetime.fromtimestamp(now.timestamp() - 600, UTC), now
    assert [entry["id"] for entry in salesforce.Lead.deleted(start, end)["deletedRecords"]] == [made["id"]]
    assert salesforce.Lead.updated(start, end)["ids"] == [kept["id"]]


def test_composite_and_collections(salesforce: Any) -> None:
    base = "/services/data/v59.0"
    parts = [
        {"method": "POST", "url": f"{base}/sobjects/Account", "referenceId": "a", "body": {"Name": "Acme"}},
        {
            "method": "POST",
            "url": f"{base}/sobjects/Contact",
            "referenceId": "c",
            "body": {"LastName": "x", "AccountId": "@{a.id}"},
        },
    ]
    answer = salesforce.restful("composite", method="POST", data=json.dumps({"compositeRequest": parts}))
    assert [part["httpStatusCode"] for part in answer["compositeResponse"]] == [201, 201]
    records = [{"attributes": {"type": "Lead"}, "LastName": n, "Company": "c"} for n in "ab"]
    body = json.dumps({"allOrNone": True, "records": records})
    results = salesforce.restful("composite/sobjects", method="POST", data=body)
    assert [result["success"] for result in results] == [True, True]


def test_expired_session_is_renewed(org: SimpleNamespace, salesforce: Any) -> None:
    org.sandbox.auth.expire_all()
    assert salesforce.query("SELECT Id FROM Lead")["totalSize"] == 0
    bare: Any = SFType("Lead", "no such session", "sandbox.my.salesforce.com", session=org.session)
    with pytest.raises(SalesforceExpiredSession):
        bare.get("00Q000000000000AAA")


def test_a_search_and_the_shapes_of_relationships(salesforce: Any) -> None:
    account = salesforce.Account.create({"Name": "Acme Corp"})["id"]
    salesforce.Contact.create({"LastName": "Lind", "AccountId": account})
    assert [found["Id"] for found in salesforce.quick_search("Acme")["searchRecords"]] == [account]
    found = salesforce.search("FIND {acme} IN NAME FIELDS RETURNING Account(Id, Name)")
    assert found["searchRecords"][0]["Name"] == "Acme Corp"
    with pytest.raises(SalesforceMalformedRequest, match="mismatched character"):
        salesforce.quick_search("Acme-Corp")
    (row,) = salesforce.query("SELECT Name, (SELECT LastName FROM Contacts), Owner.Name FROM Account")["records"]
    assert (row["Contacts"]["totalSize"], row["Contacts"]["records"][0]["LastName"]) == (1, "Lind")
    (group,) = salesforce.query("SELECT Account.Name, COUNT(Id) FROM Contact GROUP BY Account.Name")["records"]
    assert dict(group) == {"attributes": {"type": "AggregateResult"}, "Name": "Acme Corp", "expr0": 1}
