"""Limits as real counters, and how answers are written: versions, formats, white space, packing."""

from __future__ import annotations

import gzip
import re
from xml.etree import ElementTree

import orjson
import pytest

from syncline_sandbox.core.wire import Request
from tests.sandbox.salesforce_client import Client, fresh_client

# "Limits" of the REST API Developer Guide.
LIMITS = set(
    "ActiveScratchOrgs AnalyticsExternalDataSizeMB ConcurrentAsyncGetReportInstances "
    "ConcurrentEinsteinDataInsightsStoryCreation ConcurrentEinsteinDiscoveryStoryCreation ConcurrentSyncReportRuns "
    "DailyApiRequests DailyAsyncApexExecutions DailyAsyncApexTests DailyBulkApiBatches DailyBulkV2QueryFileStorageMB "
    "DailyBulkV2QueryJobs DailyDeliveredPlatformEvents DailyDurableGenericStreamingApiEvents "
    "DailyDurableStreamingApiEvents DailyGenericStreamingApiEvents DailyScratchOrgs DailyStandardVolumePlatformEvents "
    "DailyStreamingApiEvents DailyWorkflowEmails DataStorageMB DurableStreamingApiConcurrentClients FileStorageMB "
    "HourlyAsyncReportRuns HourlyDashboardRefreshes HourlyDashboardResults HourlyDashboardStatuses "
    "HourlyLongTermIdMapping HourlyManagedContentPublicRequests HourlyODataCallout HourlyPublishedPlatformEvents "
    "HourlyPublishedStandardVolumePlatformEvents HourlyShortTermIdMapping HourlySyncReportRuns "
    "HourlyTimeBasedWorkflow MassEmail MonthlyPlatformEvents MonthlyPlatformEventsUsageEntitlement "
    "Package2VersionCreates PermissionSets SingleEmail StreamingApiConcurrentClients".split()
)


@pytest.fixture
def client() -> Client:
    return fresh_client()


def header(client: Client, name: str = "Sforce-Limit-Info", path: str = "tabs", **headers: str) -> str | None:
    return dict(client.send("GET", path, headers=headers).headers).get(name)


def test_the_whole_list(client):
    status, answer = client.call("GET", "limits/")
    assert status == 200
    assert answer.keys() >= LIMITS
    assert list(answer) == sorted(answer)
    assert all({"Max", "Remaining"} <= limit.keys() for limit in answer.values())
    assert all(0 <= limit["Remaining"] <= limit["Max"] for limit in answer.values())
    assert answer["PermissionSets"]["CreateCustom"].keys() == {"Max", "Remaining"}


def test_calls_count_for_a_rolling_day(client):
    before = client.call("GET", "limits")[1]["DailyApiRequests"]["Remaining"]
    assert client.call("GET", "limits")[1]["DailyApiRequests"]["Remaining"] == before - 1
    client.advance(23 * 3600)
    client.token = client.login("integration@sandbox.example")
    assert client.call("GET", "limits")[1]["DailyApiRequests"]["Remaining"] == before - 2
    client.advance(3600)
    # Those of the first minute are forgotten, that of an hour ago is not.
    assert client.call("GET", "limits")[1]["DailyApiRequests"]["Remaining"] == before - 1


def test_no_calls_left(client):
    client.control("POST", "quota", {"maximum": 2, "used": 1})
    assert header(client) == "api-usage=2/2"
    answer = client.send("GET", "tabs")
    assert (answer.status, orjson.loads(answer.body)[0]["errorCode"]) == (403, "REQUEST_LIMIT_EXCEEDED")
    assert dict(answer.headers)["Sforce-Limit-Info"] == "api-usage=2/2"


def test_every_reply_tells_the_usage_so_that_a_tap_can_read_it(client):
    for path in ("tabs", "nope", "sobjects/Lead/nope"):
        assert re.fullmatch(r"api-usage=(\d+)/(\d+)", header(client, path=path) or "")


def test_the_share_of_an_app_by_a_switch(client):
    header(client)
    client.control("POST", "quota", {"per_app_maximum": 250})
    assert header(client) == "api-usage=2/100000; per-app-api-usage=2/250(appName=Sandbox App)"
    client.token = client.org.auth.open_session(client.org.people.user_id("admin@sandbox.example"))
    assert header(client) == "api-usage=3/100000"


def test_a_batch_counts_each_part_of_the_app_too(client):
    client.control("POST", "quota", {"per_app_maximum": 250})
    parts = [{"method": "GET", "url": "v59.0/tabs"}] * 3
    answer = client.send("POST", "composite/batch", {"batchRequests": parts})
    assert dict(answer.headers)["Sforce-Limit-Info"].endswith("per-app-api-usage=3/250(appName=Sandbox App)")


def test_bulk_jobs_and_storage_are_counted(client):
    before = client.call("GET", "limits")[1]
    client.call("POST", "jobs/query", {"operation": "query", "query": "SELECT Id FROM Lead"})
    client.control("POST", "seed", {"Lead": [{"LastName": "x", "Company": "c"}] * 1024})
    after = client.call("GET", "limits")[1]
    assert after["DailyBulkV2QueryJobs"]["Remaining"] == before["DailyBulkV2QueryJobs"]["Remaining"] - 1
    assert after["DataStorageMB"]["Remaining"] == before["DataStorageMB"]["Remaining"] - 2


def test_record_counts(client):
    client.control("POST", "seed", {"Lead": [{"LastName": "x", "Company": "c"}] * 3})
    found = client.call("GET", "limits/recordCount", sObjects="Account,lead")[1]
    assert found == {"sObjects": [{"count": 3, "name": "Lead"}]}
    everything = {row["name"]: row["count"] for row in client.call("GET", "limits/recordCount")[1]["sObjects"]}
    assert (everything["Lead"], everything["User"]) == (3, 2)


def test_versions_without_a_session(client):
    answer = client.org.handle(Request(method="GET", path="/services/data/"))
    versions = orjson.loads(answer.body)
    assert versions[0] == {"label": "Summer '14", "url": "/services/data/v31.0", "version": "31.0"}
    assert versions[-1]["version"] == "68.0"
    assert [version["version"] for version in versions] == sorted(version["version"] for version in versions)


def test_the_directory_of_a_version_names_what_answers(client):
    status, answer = client.call("GET", "/services/data/v61.0/")
    assert status == 200
    assert answer["identity"].startswith("http://org.example/id/00D")
    for name in ("sobjects", "limits", "tabs", "theme", "recent", "quickActions", "composite"):
        assert client.call("GET", answer[name])[0] == 200, name


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/services/data/v30.0/sobjects", 410, "UNSUPPORTED_API_VERSION"),
        ("/services/data/v69.0/sobjects", 404, "NOT_FOUND"),
        ("/services/data/vx/sobjects", 404, "NOT_FOUND"),
        ("/services/apexrest/Widget/1", 404, "NOT_FOUND"),
        ("/services/nothing", 404, "NOT_FOUND"),
    ],
)
def test_what_is_gone_and_what_never_was(client, path, status, code):
    got, answer = client.call("GET", path)
    assert (got, answer[0]["errorCode"]) == (status, code)


def test_apex_rest_says_so_and_wants_a_session(client):
    missing = {"message": "Could not find a match for URL", "errorCode": "NOT_FOUND"}
    assert client.call("POST", "/services/apexrest/Widget", {}) == (404, [missing])
    assert client.call("GET", "/services/apexrest/Widget", headers={"authorization": ""})[0] == 401


def test_white_space_when_asked_for(client):
    assert b"\n" not in client.send("GET", "limits").body
    pretty = client.send("GET", "limits", headers={"x-prettyprint": "1"})
    assert pretty.body.startswith(b'{\n  "ActiveScratchOrgs"')


def test_large_answers_are_packed_when_asked_for(client):
    plain = client.send("GET", "sobjects/Lead/describe")
    assert "Content-Encoding" not in dict(plain.headers)
    packed = client.send("GET", "sobjects/Lead/describe", headers={"accept-encoding": "gzip, deflate"})
    assert dict(packed.headers)["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    small = client.send("GET", "sobjects/User/nope", headers={"accept-encoding": "gzip"})
    assert "Content-Encoding" not in dict(small.headers)


def test_a_head_is_a_get_without_its_body(client):
    answer = client.send("HEAD", "sobjects/Lead/describe")
    assert (answer.status, answer.body) == (200, b"")
    assert "Last-Modified" in dict(answer.headers)
    assert client.send("HEAD", "sobjects/Nope/describe").status == 404


def test_packed_bodies_are_read(client):
    body = gzip.compress(orjson.dumps({"LastName": "x", "Company": "c"}))
    assert client.send("POST", "sobjects/Lead", body, headers={"content-encoding": "gzip"}).status == 201
    broken = client.send("POST", "sobjects/Lead", b"{}", headers={"content-encoding": "gzip"})
    assert orjson.loads(broken.body)[0]["errorCode"] == "JSON_PARSER_ERROR"


def test_xml_by_header_or_suffix(client):
    lead = client.create("Lead", LastName="<x>", Company="c")
    accept = {"accept": "application/xml"}
    answer = client.send("GET", f"sobjects/Lead/{lead}", headers=accept, fields="LastName,Email,IsConverted")
    assert dict(answer.headers)["Content-Type"] == "application/xml;charset=UTF-8"
    record = ElementTree.fromstring(answer.body)
    assert (record.tag, record.get("type"), record.findtext("LastName")) == ("Lead", "Lead", "<x>")
    assert record.findtext("IsConverted") == "false"
    page = ElementTree.fromstring(client.send("GET", "query.xml", q="SELECT LastName FROM Lead").body)
    assert (page.tag, page.findtext("totalSize"), page.findtext("records/LastName")) == ("QueryResult", "1", "<x>")
    versions = client.org.handle(Request(method="GET", path="/services/data/", headers=accept))
    assert ElementTree.fromstring(versions.body).findtext("Version/version") == "31.0"
    refused = ElementTree.fromstring(client.send("GET", "nope", headers=accept).body)
    assert (refused.tag, refused.findtext("Error/errorCode")) == ("Errors", "NOT_FOUND")
    assert client.call("GET", "limits.json", headers=accept)[0] == 200


def test_a_suffix_inside_a_key_is_part_of_it(client):
    client.org.add_field("Lead", {"name": "Key__c", "external_id": True, "unique": True})
    body = {"LastName": "x", "Company": "c"}
    assert client.call("PATCH", "sobjects/Lead/Key__c/page.xml", body, headers={"accept": "*/*"})[0] == 201
    assert [row["Key__c"] for row in client.query("SELECT Key__c FROM Lead")] == ["page.xml"]
