"""simple-salesforce's `bulk2`, unmodified, against the org over HTTP."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from simple_salesforce.bulk2 import SFBulk2Handler
from simple_salesforce.exceptions import SalesforceMalformedRequest, SalesforceOperationError

from syncline_sandbox.core.server import serve
from syncline_sandbox.salesforce.org import SalesforceOrg
from syncline_sandbox.salesforce.people import CLIENT_ID, CLIENT_SECRET

NO_WAIT = 0


@pytest.fixture
def salesforce() -> Iterator[SimpleNamespace]:
    """`lead` is the client's handle on Lead, `org` the org behind it."""
    org = SalesforceOrg()
    org.add_field("Lead", {"name": "Ext__c", "type": "string", "length": 40, "external_id": True})
    with serve(org) as url, requests.Session() as session:
        form = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        token = session.post(f"{url}/services/oauth2/token", data=form, timeout=5).json()["access_token"]
        bulk2 = SFBulk2Handler(token, f"{url}/services/data/v59.0/jobs/", session=session)
        yield SimpleNamespace(lead=bulk2.Lead, org=org)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def leads(count: int) -> list[dict[str, str]]:
    return [{"LastName": f"L{n:04}", "Company": "Acme", "Ext__c": f"x{n}"} for n in range(count)]


def test_insert_query_update_upsert_and_delete(salesforce: Any) -> None:
    lead = salesforce.lead
    (inserted,) = lead.insert(records=leads(3), wait=NO_WAIT)
    assert (inserted["numberRecordsProcessed"], inserted["numberRecordsFailed"]) == (3, 0)
    made = rows(lead.get_successful_records(inserted["job_id"]))
    assert {row["sf__Created"] for row in made} == {"true"}

    changes = [{"Id": row["sf__Id"], "Company": "New, Co"} for row in made]
    lead.update(records=changes, wait=NO_WAIT)
    (upserted,) = lead.upsert(records=leads(4), external_id_field="Ext__c", wait=NO_WAIT)
    results = lead.get_all_ingest_records(upserted["job_id"])
    assert sorted(row["sf__Created"] for row in results["successfulRecords"]) == ["false", "false", "false", "true"]
    assert results["failedRecords"] == results["unprocessedRecords"] == []

    lead.delete(records=[{"Id": made[0]["sf__Id"]}], wait=NO_WAIT)
    lead.hard_delete(records=[{"Id": made[1]["sf__Id"]}], wait=NO_WAIT)
    live = rows("".join(lead.query("SELECT LastName FROM Lead ORDER BY LastName", wait=NO_WAIT)))
    assert [row["LastName"] for row in live] == ["L0002", "L0003"]
    everything = rows("".join(lead.query_all("SELECT Id, IsDeleted FROM Lead", wait=NO_WAIT)))
    assert sorted(row["IsDeleted"] for row in everything) == ["false", "false", "true"]


def test_failed_rows_come_back_with_their_reason(salesforce: Any) -> None:
    records = [{"LastName": "A", "Company": "Acme"}, {"LastName": "B", "Company": ""}]
    (job,) = salesforce.lead.insert(records=records, wait=NO_WAIT)
    assert job["numberRecordsFailed"] == 1
    (failed,) = rows(salesforce.lead.get_failed_records(job["job_id"]))
    assert failed["sf__Error"].startswith("REQUIRED_FIELD_MISSING:")


def test_pages_and_download(salesforce: Any, tmp_path: Path) -> None:
    salesforce.org.seed("Lead", leads(450))
    pages = list(salesforce.lead.query("SELECT Id, LastName FROM Lead", max_records=200, wait=NO_WAIT))
    assert [len(rows(page)) for page in pages] == [200, 200, 50]
    files = salesforce.lead.download("SELECT Id FROM Lead", str(tmp_path), max_records=300, wait=NO_WAIT)
    assert [found["number_of_records"] for found in files] == [300, 150]
    assert sum(len(rows(Path(found["file"]).read_text())) for found in files) == 450


def test_a_batched_file_becomes_several_jobs(salesforce: Any, tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("LastName,Company\n" + "".join(f"L{n},Acme\n" for n in range(25)))
    jobs = salesforce.lead.insert(csv_file=str(path), batch_size=10, wait=NO_WAIT)
    assert sorted(job["numberRecordsProcessed"] for job in jobs) == [5, 10, 10]


def test_refusals_reach_the_client(salesforce: Any) -> None:
    with pytest.raises(SalesforceMalformedRequest):
        list(salesforce.lead.query("SELECT Id, Address FROM Lead", wait=NO_WAIT))
    with pytest.raises(SalesforceOperationError, match="Field name not found : Nope__c"):
        salesforce.lead.insert(records=[{"LastName": "A", "Nope__c": "x"}], wait=NO_WAIT)
