"""Aggregates, groups, subtotals, date functions, formats: what each query answers, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from syncline_sandbox.core.clock import SandboxClock
from syncline_sandbox.salesforce.org import SalesforceOrg
from tests.sandbox.salesforce_client import Client

LEADS: list[dict[str, Any]] = [
    {"LastName": "Ash", "LeadSource": "Web", "Rating": "Cold", "NumberOfEmployees": 10, "AnnualRevenue": 1000.5},
    {"LastName": "Birch", "LeadSource": "web", "Rating": "Hot", "NumberOfEmployees": 20},
    {"LastName": "Cedar", "LeadSource": "Partner Referral", "Rating": "Warm", "AnnualRevenue": 10},
    {"LastName": "Dogwood", "Rating": "Odd", "NumberOfEmployees": 3, "CreatedDate": "2025-12-31T23:30:00Z"},
]


@pytest.fixture(scope="module")
def client() -> Client:
    org = SalesforceOrg(clock=SandboxClock(frozen_at=datetime(2026, 1, 8, 9, 0, tzinfo=UTC)))
    org.seed("Lead", [{"Company": "Acme", "Status": "Open - Not Contacted", **lead} for lead in LEADS])
    return Client(org)


def rows(client: Client, text: str) -> list[dict[str, Any]]:
    found = client.query(text)
    assert all(row.pop("attributes") == {"type": "AggregateResult"} for row in found)
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "SELECT COUNT(Id), COUNT(LeadSource) n, COUNT_DISTINCT(LeadSource) FROM Lead",
            [{"expr0": 4, "n": 3, "expr1": 2}],
        ),
        ("SELECT SUM(NumberOfEmployees) s, AVG(NumberOfEmployees) a FROM Lead", [{"s": 33, "a": 11.0}]),
        ("SELECT SUM(AnnualRevenue) s FROM Lead WHERE LastName = 'nobody'", [{"s": None}]),
        # A picklist goes by the order of its values, what is not listed stands behind.
        ("SELECT MIN(Rating) lo, MAX(Rating) hi FROM Lead", [{"lo": "Hot", "hi": "Odd"}]),
        (
            "SELECT MIN(LastName) lo, MAX(CreatedDate) hi FROM Lead",
            [{"lo": "Ash", "hi": "2026-01-08T09:00:00.000+0000"}],
        ),
        (
            "SELECT COUNT(Id) n FROM Lead GROUP BY LeadSource ORDER BY LeadSource NULLS LAST",
            [{"n": 2}, {"n": 1}, {"n": 1}],
        ),
        ("SELECT COUNT(Id) n FROM Lead GROUP BY LeadSource HAVING COUNT(Id) > 1 AND LeadSource LIKE 'W%'", [{"n": 2}]),
        (
            "SELECT Rating, COUNT(Id) n FROM Lead WHERE Rating != 'Odd' GROUP BY ROLLUP(Rating) "
            "ORDER BY Rating NULLS LAST",
            [
                {"Rating": "Hot", "n": 1},
                {"Rating": "Warm", "n": 1},
                {"Rating": "Cold", "n": 1},
                {"Rating": None, "n": 3},
            ],
        ),
        (
            "SELECT Company c, Rating r, GROUPING(Company) gc, GROUPING(Rating) gr, COUNT(Id) n FROM Lead "
            "WHERE Rating IN ('Hot', 'Cold') GROUP BY CUBE(Company, Rating) "
            "ORDER BY GROUPING(Company), GROUPING(Rating), Rating",
            [
                {"c": "Acme", "r": "Hot", "gc": 0, "gr": 0, "n": 1},
                {"c": "Acme", "r": "Cold", "gc": 0, "gr": 0, "n": 1},
                {"c": "Acme", "r": None, "gc": 0, "gr": 1, "n": 2},
                {"c": None, "r": "Hot", "gc": 1, "gr": 0, "n": 1},
                {"c": None, "r": "Cold", "gc": 1, "gr": 0, "n": 1},
                {"c": None, "r": None, "gc": 1, "gr": 1, "n": 2},
            ],
        ),
        (
            "SELECT CALENDAR_YEAR(CreatedDate) y, WEEK_IN_YEAR(CreatedDate) w, COUNT(Id) n FROM Lead "
            "GROUP BY CALENDAR_YEAR(CreatedDate), WEEK_IN_YEAR(CreatedDate) ORDER BY CALENDAR_YEAR(CreatedDate)",
            [{"y": 2025, "w": 53, "n": 1}, {"y": 2026, "w": 2, "n": 3}],
        ),
        (
            "SELECT FORMAT(MAX(CreatedDate)) f, FORMAT(SUM(AnnualRevenue)) s FROM Lead",
            [{"f": "1/8/2026, 9:00 AM", "s": "$1,010.50"}],
        ),
    ],
)
def test_aggregates(client: Client, text: str, expected: list[dict[str, Any]]) -> None:
    assert rows(client, text) == expected


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (
            "SELECT Rating, COUNT(Rating) FROM Lead GROUP BY Rating",
            "MALFORMED_QUERY",
            "should not be aggregated: Rating",
        ),
        ("SELECT Rating FROM Lead GROUP BY LeadSource", "MALFORMED_QUERY", "must be grouped or aggregated: Rating"),
        (
            "SELECT LeadSource FROM Lead GROUP BY LeadSource ORDER BY Rating",
            "MALFORMED_QUERY",
            "Ordered field must be grouped or aggregated: Rating",
        ),
        (
            "SELECT CALENDAR_YEAR(CreatedDate), Rating FROM Lead",
            "MALFORMED_QUERY",
            "grouped or aggregated: CreatedDate",
        ),
        ("SELECT MAX(IsConverted) FROM Lead", "MALFORMED_QUERY", "IsConverted does not support aggregate operator MAX"),
        ("SELECT SUM(LastName) FROM Lead", "MALFORMED_QUERY", "LastName does not support aggregate operator SUM"),
        (
            "SELECT LastName, Owner.LastName FROM Lead GROUP BY LastName, Owner.LastName",
            "MALFORMED_QUERY",
            "duplicate alias",
        ),
        ("SELECT COUNT(), Id FROM Lead", "MALFORMED_QUERY", "COUNT() must be all that is selected"),
        ("SELECT COUNT() FROM Lead ORDER BY Name", "MALFORMED_QUERY", "COUNT() must be all that is selected"),
        ("SELECT LastName l FROM Lead", "MALFORMED_QUERY", "only aggregate expressions use field aliasing"),
        ("SELECT Id FROM Lead WHERE CALENDAR_YEAR(CreatedDate) = THIS_YEAR", "INVALID_FIELD", "must be of type int"),
        ("SELECT COUNT(Id) FROM Lead GROUP BY CreatedDate", "INVALID_FIELD", "'CreatedDate' can not be grouped"),
        ("SELECT COUNT(Id) FROM Lead GROUP BY ROLLUP(Rating), City", "MALFORMED_QUERY", "unexpected token: ','"),
        ("SELECT COUNT(Id) FROM Lead GROUP BY CUBE(Rating, City, State, Title)", "MALFORMED_QUERY", "at most 3 fields"),
        (
            "SELECT Rating FROM Lead GROUP BY Rating HAVING OwnerId IN (SELECT Id FROM User)",
            "MALFORMED_QUERY",
            "Semi-joins are only supported in WHERE clauses",
        ),
        ("SELECT Id FROM Lead WHERE convertCurrency(AnnualRevenue) > 5", "MALFORMED_QUERY", "not allowed outside"),
        ("SELECT Id FROM Lead USING SCOPE team", "INVALID_QUERY_SCOPE", "scope 'team' is not supported by 'Lead'"),
    ],
)
def test_refusals(client: Client, text: str, code: str, words: str) -> None:
    status, answer = client.call("GET", "query", q=text)
    assert (status, answer[0]["errorCode"]) == (400, code)
    assert words in answer[0]["message"]


def test_a_page_of_groups_is_all_there_is() -> None:
    org = SalesforceOrg()
    org.seed("Lead", [{"LastName": f"n{n}", "Company": "Acme"} for n in range(2001)])
    client = Client(org)
    status, answer = client.call("GET", "query", q="SELECT LastName FROM Lead GROUP BY LastName")
    assert (status, answer[0]["errorCode"]) == (400, "EXCEEDED_ID_LIMIT")
    assert len(client.query("SELECT LastName FROM Lead GROUP BY LastName LIMIT 2000")) == 2000


def test_days_turn_where_the_user_is() -> None:
    org = SalesforceOrg(clock=SandboxClock(frozen_at=datetime(2026, 3, 1, 20, 0, tzinfo=UTC)))
    org.seed("Lead", [{"LastName": "late", "Company": "Acme", "CreatedDate": "2026-03-01T12:30:00Z"}])
    client = Client(org)
    user = org.people.user_id("integration@sandbox.example")
    today = "SELECT LastName FROM Lead WHERE CreatedDate = TODAY"
    assert len(client.query(today)) == 1
    assert client.call("PATCH", f"sobjects/User/{user}", {"TimeZoneSidKey": "Australia/Sydney"})[0] == 204
    assert client.query(today) == []  # there it is the second of March, and the lead is of the first's last hour
    hour = "SELECT HOUR_IN_DAY(convertTimezone(CreatedDate)) h, HOUR_IN_DAY(CreatedDate) g FROM Lead GROUP BY "
    (row,) = client.query(f"{hour}HOUR_IN_DAY(convertTimezone(CreatedDate)), HOUR_IN_DAY(CreatedDate)")
    assert (row["h"], row["g"]) == (23, 12)


def test_what_only_changes_how_a_value_shows(client: Client) -> None:
    shown = "FORMAT(AnnualRevenue) f, AnnualRevenue, toLabel(Rating), FORMAT(CreatedDate)"
    (row,) = client.query(f"SELECT {shown} FROM Lead WHERE LastName = 'Ash'")
    assert (row["f"], row["AnnualRevenue"], row["Rating"]) == ("$1,000", 1000.5, "Cold")  # a field without digits
    assert row["CreatedDate"] == "1/8/2026, 9:00 AM"
    assert len(client.query("SELECT Id FROM Lead WHERE toLabel(Rating) = 'cold'")) == 1


def test_the_picklist_orders_the_rows(client: Client) -> None:
    ordered = [row["Rating"] for row in client.query("SELECT Rating FROM Lead ORDER BY Rating DESC")]
    assert ordered == ["Odd", "Cold", "Warm", "Hot"]


def test_scopes(client: Client) -> None:
    assert len(client.query("SELECT Id FROM Lead USING SCOPE mine")) == 4
    assert len(client.query("SELECT Id FROM Lead USING SCOPE everything")) == 4
