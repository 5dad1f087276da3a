"""Formula fields in the vendor's language: values, parents, blanks, and that no stamp moves."""

from __future__ import annotations

import pytest

from tests.sandbox.salesforce_client import Client, fresh_client


@pytest.fixture
def client() -> Client:
    return fresh_client()


def _formula(client: Client, formula: str, kind: str = "string", **more: object) -> tuple[int, object]:
    spec = {"object": "Contact", "name": "F__c", "type": kind, "formula": formula, **more}
    return client.call("POST", "/_sandbox/fields", spec)


@pytest.mark.parametrize(
    ("formula", "kind", "value"),
    [
        ('FirstName & " " & LastName', "string", "Ada Lind"),
        ('Title & "-" & LastName', "string", "-Lind"),
        ("Account.Name & '!'", "string", "Acme!"),
        ("UPPER(LEFT(Account.Owner.Username, 5))", "string", "INTEG"),
        ("Account.NumberOfEmployees * 2 + 1", "double", 9.0),
        ("(1 + 2) * 3 - 4 / 8", "double", 8.5),
        ("-Account.NumberOfEmployees", "double", -4.0),
        ("Account.AnnualRevenue + 1", "double", 1.0),
        ("1 / 0", "double", None),
        ('IF(ISBLANK(Title), "none", Title)', "string", "none"),
        ("BLANKVALUE(Title, LastName)", "string", "Lind"),
        ('CASE(LeadSource, "Web", 1, "Other", 2, 0)', "double", 1.0),
        ('TEXT(LeadSource) = "Web" && NOT(DoNotCall)', "boolean", True),
        ('ISPICKVAL(LeadSource, "Other") || LastName <> "Lind"', "boolean", False),
        ("TEXT(Account.NumberOfEmployees + 0.5)", "string", "4.5"),
        ('TEXT(Account.NumberOfEmployees) & "x"', "string", "4x"),
        ("TODAY() - Birthdate", "double", 59.0),
        ("Birthdate + 1", "date", "2026-01-02"),
        ("OR(Birthdate > TODAY(), AND(TRUE, LEN(LastName) >= 4))", "boolean", True),
        ("IF(Account.NumberOfEmployees > 3, Birthdate, NULL)", "date", "2026-01-01"),
        ("'a{row}b'", "string", "a{row}b"),
    ],
)
def test_values(client, formula, kind, value):
    assert _formula(client, formula, kind)[0] == 200
    account = client.create("Account", Name="Acme", NumberOfEmployees=4)
    person = {"FirstName": "Ada", "LastName": "Lind", "LeadSource": "Web", "Birthdate": "2026-01-01"}
    contact = client.create("Contact", AccountId=account, **person)
    assert client.read("Contact", contact, "F__c") == value
    assert client.query("SELECT F__c FROM Contact")[0]["F__c"] == value


def test_a_parent_changes_it_and_moves_no_stamp(client):
    _formula(client, "Account.Name")
    account = client.create("Account", Name="Acme")
    contact = client.create("Contact", LastName="Lind", AccountId=account)
    client.advance(60)
    client.call("PATCH", f"sobjects/Account/{account}", {"Name": "Beta"})
    row = client.read("Contact", contact, "F__c", "SystemModstamp")
    assert (row["F__c"], row["SystemModstamp"]) == ("Beta", "2026-03-01T09:00:00.000+0000")
    assert client.query("SELECT Id FROM Contact WHERE F__c = 'beta'")[0]["Id"] == contact
    described = {f["name"]: f for f in client.call("GET", "sobjects/Contact/describe")[1]["fields"]}["F__c"]
    assert (described["calculated"], described["calculatedFormula"], described["updateable"]) == (
        True,
        "Account.Name",
        False,
    )


def test_a_formula_over_a_formula_of_the_parent(client):
    client.control("POST", "fields", {"object": "Account", "name": "Who__c", "formula": "Owner.Username & '?'"})
    assert _formula(client, "Account.Who__c & Owner.Username")[0] == 200
    contact = client.create("Contact", LastName="Lind", AccountId=client.create("Account", Name="Acme"))
    user = "integration@sandbox.example"
    assert client.read("Contact", contact, "F__c") == f"{user}?{user}"


def test_blank_numbers_stay_blank_if_the_field_says_so(client):
    _formula(client, "Account.AnnualRevenue + 1", "double", treat_blanks="BlankAsBlank")
    contact = client.create("Contact", LastName="Lind", AccountId=client.create("Account", Name="Acme"))
    assert client.read("Contact", contact, "F__c") is None


@pytest.mark.parametrize(
    "formula",
    [
        "",
        "Nope__c",
        "Account.Nope",
        "Nope.Name",
        "IF(1)",
        "VLOOKUP(1, 2, 3)",
        "(1 + 2",
        "1 +",
        "LastName > 1",
        "@",
        "(" * 900,
    ],
)
def test_formulas_the_org_does_not_take(client, formula):
    status, answer = _formula(client, formula)
    assert (status, "F__c" in str(client.call("GET", "sobjects/Contact/describe"))) == (400, False), answer
