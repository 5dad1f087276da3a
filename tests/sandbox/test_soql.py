"""SOQL against a small org: each query text beside the rows it yields, each refusal beside its exact words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from syncline_sandbox.salesforce.rights import UserRights
from syncline_sandbox.salesforce.schema import Field, Schema
from syncline_sandbox.salesforce.soql import RowShaper, SoqlError, compile_query, install
from syncline_sandbox.salesforce.standard import standard_sobjects
from syncline_sandbox.salesforce.storage import Storage

NOW = datetime(2026, 11, 18, 15, 0, tzinfo=UTC)  # a Wednesday
USER = "005000000000001AAA"
ACME, BETA = "001000000000001AAA", "001000000000002AAA"
LEAD = "00Q000000000001AAA"
STAMP = "2026-11-18T10:00:00.000+0000"


def _contact(number: int, last_name: str, **values: object) -> dict[str, object]:
    row: dict[str, object] = {
        "Id": f"00300000000000{number}AAA",
        "LastName": last_name,
        "OwnerId": USER,
        "IsDeleted": 0,
        "SystemModstamp": STAMP,
        "CreatedDate": STAMP,
        "IsEmailBounced": 0,
        "HasOptedOutOfEmail": 0,
        "HasOptedOutOfFax": 0,
        "DoNotCall": 0,
    }
    return row | values


CONTACTS = [
    _contact(
        1, "Adams", Target__c=ACME, FirstName="Ann", Email="Ann@Acme.example", AccountId=ACME, Birthdate="1980-05-17"
    ),
    _contact(
        2,
        "Brown",
        Email="bob_b@beta.example",
        AccountId=BETA,
        Target__c=USER,
        SystemModstamp="2026-11-17T23:59:59.000+0000",
    ),
    _contact(
        3,
        "Müller",
        FirstName="MIA",
        AccountId=ACME,
        SystemModstamp="2026-10-20T00:00:00.000+0000",
        Colors__c="red;blue",
    ),
    _contact(4, "O'Neil", SystemModstamp="2026-11-12T00:00:00.000+0000", Colors__c="green", Score__c=7.5),
    _contact(5, "Gone", IsDeleted=1, AccountId=ACME),
]


@pytest.fixture(scope="module")
def org():
    schema = Schema(standard_sobjects())
    contact = schema.sobject("Contact")
    assert contact is not None
    for name, kind in (("Colors__c", "multipicklist"), ("Score__c", "double")):
        contact.put_field(Field(name=name, type=kind, sql=f'{{row}}."{name}"', column=name, custom=True))
    contact.put_field(
        Field(
            name="Target__c",
            type="reference",
            sql='{row}."Target__c"',
            column="Target__c",
            custom=True,
            reference_to=("Account", "Group", "User"),
            relationship_name="Target__r",
        )
    )
    storage = Storage(":memory:", schema)
    install(storage.db)

    def insert(name: str, row: dict[str, object]) -> None:
        sobject = schema.sobject(name)
        assert sobject is not None
        flags = {str(field.column): 0 for field in sobject.stored_fields() if field.type == "boolean"}
        storage.insert(sobject, {**flags, **row})

    insert("User", {"Id": USER, "LastName": "Admin", "FirstName": "Ada", "Username": "ada@example.com", "IsActive": 1})
    for record_id, name, city in ((ACME, "Acme", "Ulm"), (BETA, "beta", None)):
        insert("Account", {"Id": record_id, "Name": name, "BillingCity": city, "OwnerId": USER, "IsDeleted": 0})
    for row in CONTACTS:
        insert("Contact", row)
    insert("Lead", {"Id": LEAD, "LastName": "Lind", "Company": "Acme", "OwnerId": USER})
    return storage


def run(org: Storage, text: str, rights: UserRights | None = None, *, include_deleted: bool = False) -> list[dict]:
    rights = rights or UserRights(user_id=USER)
    compiled = compile_query(text, org.schema, rights, NOW, include_deleted=include_deleted)
    shaper = RowShaper(compiled, "/services/data/v59.0")
    records = [shaper.record(row) for row in org.db.execute(compiled.sql, compiled.parameters)]
    total = org.db.execute(compiled.count_sql, compiled.parameters).fetchone()[0]
    assert total == len(records)
    return records


def names(org: Storage, where: str) -> str:
    return " ".join(row["LastName"] for row in run(org, f"SELECT LastName FROM Contact {where} ORDER BY LastName"))


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("", "Adams Brown Müller O'Neil"),
        ("WHERE LastName = 'adams'", "Adams"),
        ("where lastname='ADAMS'", "Adams"),
        ("WHERE LastName = 'MÜLLER'", "Müller"),
        ("WHERE LastName LIKE 'MÜ%'", "Müller"),
        ("WHERE LastName != 'Adams'", "Brown Müller O'Neil"),
        ("WHERE FirstName != 'Ann'", "Brown Müller O'Neil"),
        ("WHERE FirstName <> 'Ann' AND FirstName != null", "Müller"),
        ("WHERE FirstName = null", "Brown O'Neil"),
        ("WHERE FirstName = ''", "Brown O'Neil"),
        ("WHERE (NOT FirstName LIKE 'a%')", "Brown Müller O'Neil"),
        ("WHERE NOT FirstName = 'Ann'", "Brown Müller O'Neil"),
        ("WHERE LastName = 'O\\'Neil'", "O'Neil"),
        ("WHERE Email LIKE 'bob\\_%'", "Brown"),
        ("WHERE Email LIKE 'ann\\_%'", ""),
        ("WHERE Email LIKE '%.EXAMPLE'", "Adams Brown"),
        ("WHERE LastName = '\\u0041dams'", "Adams"),
        ("WHERE LastName IN ('adams', 'Brown', 'x')", "Adams Brown"),
        ("WHERE FirstName IN ('ann', null)", "Adams Brown O'Neil"),
        ("WHERE FirstName NOT IN ('Ann','Bob')", "Brown Müller O'Neil"),
        ("WHERE LastName IN ('müller')", "Müller"),
        ("WHERE LastName = 'Adams' OR LastName = 'Brown' OR Email = null", "Adams Brown Müller O'Neil"),
        ("WHERE Email != null AND (LastName = 'Adams' OR LastName = 'O\\'Neil')", "Adams"),
        ("WHERE Id = '003000000000001'", "Adams"),
        ("WHERE Id IN ('003000000000001AAA','003000000000002')", "Adams Brown"),
        ("WHERE Id > '003000000000003AAA'", "O'Neil"),
        ("WHERE Score__c > 7", "O'Neil"),
        ("WHERE Score__c = 7.5", "O'Neil"),
        ("WHERE Score__c < USD8", "O'Neil"),
        ("WHERE Score__c = EUR7.5 AND Score__c != USD7.25", "O'Neil"),
        ("WHERE Colors__c INCLUDES ('BLUE;red')", "Müller"),
        ("WHERE Colors__c EXCLUDES ('green', 'red')", "Adams Brown"),
        ("WHERE DoNotCall = null AND LastName = 'Adams'", "Adams"),
        ("WHERE DoNotCall != null", ""),
        ("WHERE Score__c > null", ""),
        ("WHERE Score__c <= null", ""),
        ("WHERE NOT Score__c > 100", "Adams Brown Müller O'Neil"),
        ("WHERE FirstName > ''", ""),
        ("WHERE FirstName LIKE ''", "Brown O'Neil"),
        ("WHERE FirstName LIKE '%'", "Adams Müller"),
        ("WHERE FirstName NOT IN ('Ann', null)", "Müller"),
        ("WHERE LastName > 'müller'", "O'Neil"),
        ("WHERE WEEK_IN_MONTH(SystemModstamp) = 3 AND DAY_IN_WEEK(SystemModstamp) = 4", "Adams"),
        ("WHERE Score__c >= +7.50", "O'Neil"),
        ("WHERE DoNotCall = FALSE AND Score__c != null", "O'Neil"),
        ("WHERE Colors__c INCLUDES ('red;blue', 'green')", "Müller O'Neil"),
        ("WHERE Colors__c INCLUDES ('red')", "Müller"),
        ("WHERE Colors__c EXCLUDES ('red')", "Adams Brown O'Neil"),
        ("WHERE Birthdate = 1980-05-17", "Adams"),
        ("WHERE Birthdate < 1980-05-17", ""),
        ("WHERE Birthdate >= LAST_N_YEARS:60", "Adams"),
        ("WHERE CALENDAR_YEAR(Birthdate) = 1980", "Adams"),
        ("WHERE DAY_ONLY(SystemModstamp) = 2026-11-17", "Brown"),
        ("WHERE SystemModstamp >= 2026-11-18T10:00:00Z", "Adams"),
        ("WHERE SystemModstamp >= 2026-11-18T10:00:00.000000Z", "Adams"),
        ("WHERE SystemModstamp >= 2026-11-18T11:00:00.000+01:00", "Adams"),
        ("WHERE SystemModstamp >= 2026-11-18T11:00:00+0100", "Adams"),
        ("WHERE SystemModstamp > 2026-11-18T10:00:00+00:00", ""),
        ("WHERE SystemModstamp = TODAY", "Adams"),
        ("WHERE SystemModstamp = YESTERDAY", "Brown"),
        ("WHERE SystemModstamp != TODAY", "Brown Müller O'Neil"),
        ("WHERE SystemModstamp < TODAY", "Brown Müller O'Neil"),
        ("WHERE SystemModstamp > YESTERDAY", "Adams"),
        ("WHERE SystemModstamp <= YESTERDAY", "Brown Müller O'Neil"),
        ("WHERE SystemModstamp = LAST_N_DAYS:1", "Adams Brown"),
        ("WHERE SystemModstamp = LAST_90_DAYS", "Adams Brown Müller O'Neil"),
        ("WHERE SystemModstamp = THIS_WEEK", "Adams Brown"),
        ("WHERE SystemModstamp = LAST_WEEK", "O'Neil"),
        ("WHERE SystemModstamp = LAST_MONTH", "Müller"),
        ("WHERE SystemModstamp = N_DAYS_AGO:6", "O'Neil"),
        ("WHERE SystemModstamp = THIS_QUARTER", "Adams Brown Müller O'Neil"),
        ("WHERE SystemModstamp = LAST_N_MONTHS:2", "Müller"),
        ("WHERE Account.Name = 'ACME'", "Adams Müller"),
        ("WHERE Account.Name = null", "O'Neil"),
        ("WHERE Contact.Account.Owner.LastName = 'admin'", "Adams Brown Müller"),
        ("WHERE Account.IsDeleted = false", "Adams Brown Müller O'Neil"),
        ("WHERE AccountId IN (SELECT Id FROM Account WHERE Name = 'Beta')", "Brown"),
        ("WHERE AccountId NOT IN (SELECT Id FROM Account WHERE Name = 'Beta')", "Adams Müller O'Neil"),
        ("c WHERE c.LastName = 'Brown'", "Brown"),
        ("USING SCOPE everything WHERE LastName = 'Brown'", "Brown"),
        ("WHERE LastName = 'Brown' WITH SECURITY_ENFORCED", "Brown"),
    ],
)
def test_a_condition_selects_the_rows(org, where, expected):
    assert names(org, where) == expected


def test_a_long_chain_of_conditions_is_no_deep_one(org):
    chain = " OR ".join(f"LastName = 'nobody {number}'" for number in range(2500))
    assert names(org, f"WHERE {chain} OR LastName = 'Adams'") == "Adams"
    ids = ", ".join(f"'0030000000{number:05}AAA'" for number in range(4000))
    assert names(org, f"WHERE Id IN ({ids})") == "Adams Brown Müller O'Neil"


def test_deleted_rows_answer_to_query_all_only(org):
    text = "SELECT LastName FROM Contact WHERE IsDeleted = true"
    assert run(org, text) == []
    assert [row["LastName"] for row in run(org, text, include_deleted=True)] == ["Gone"]


def test_a_semi_join_over_deleted_children_follows_the_outer_query(org):
    text = "SELECT Name FROM Account WHERE Id IN (SELECT AccountId FROM Contact WHERE LastName = 'Gone')"
    assert run(org, text) == []
    assert [row["Name"] for row in run(org, text, include_deleted=True)] == ["Acme"]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("ORDER BY FirstName, LastName", "Brown O'Neil Adams Müller"),
        ("ORDER BY FirstName NULLS LAST, LastName DESC", "Adams Müller O'Neil Brown"),
        ("ORDER BY FirstName DESC, LastName", "Brown O'Neil Müller Adams"),
        ("ORDER BY FirstName DESC NULLS LAST, LastName", "Müller Adams Brown O'Neil"),
        ("ORDER BY Account.Name ASC NULLS FIRST, LastName", "O'Neil Adams Müller Brown"),
        ("ORDER BY LastName LIMIT 2", "Adams Brown"),
        ("ORDER BY LastName LIMIT 2 OFFSET 1", "Brown Müller"),
        ("ORDER BY LastName OFFSET 3", "O'Neil"),
        ("ORDER BY LastName LIMIT 1 FOR VIEW", "Adams"),
    ],
)
def test_order_limit_and_offset(org, order, expected):
    found = " ".join(row["LastName"] for row in run(org, f"SELECT LastName FROM Contact {order}"))
    assert found == expected


def test_a_record_has_attributes_canonical_names_and_nested_parents_in_select_order(org):
    text = (
        "select account.name, id, name, account.owner.name, account.billingaddress, IsDeleted, Score__c "
        "from contact order by lastname"
    )
    first, *_, last = run(org, text)
    contact = "/services/data/v59.0/sobjects/Contact/"
    user = {"attributes": {"type": "User", "url": f"/services/data/v59.0/sobjects/User/{USER}"}, "Name": "Ada Admin"}
    assert first == {
        "attributes": {"type": "Contact", "url": contact + "003000000000001AAA"},
        "Account": {
            "attributes": {"type": "Account", "url": f"/services/data/v59.0/sobjects/Account/{ACME}"},
            "Name": "Acme",
            "Owner": user,
            "BillingAddress": first["Account"]["BillingAddress"],
        },
        "Id": "003000000000001AAA",
        "Name": "Ann Adams",
        "IsDeleted": False,
        "Score__c": None,
    }
    assert first["Account"]["BillingAddress"]["city"] == "Ulm"
    assert list(first) == ["attributes", "Account", "Id", "Name", "IsDeleted", "Score__c"]
    assert last["Account"] is None
    assert last["Score__c"] == 7.5


def test_a_polymorphic_parent_is_a_name_with_a_type(org):
    text = "SELECT Target__r.Type, Target__r.Name, Target__r.Id FROM Contact ORDER BY LastName LIMIT 3"
    base = "/services/data/v59.0/sobjects/"
    assert [row["Target__r"] for row in run(org, text)] == [
        {"attributes": {"type": "Name", "url": f"{base}Account/{ACME}"}, "Type": "Account", "Name": "Acme", "Id": ACME},
        {"attributes": {"type": "Name", "url": f"{base}User/{USER}"}, "Type": "User", "Name": "Ada Admin", "Id": USER},
        None,
    ]
    assert names(org, "WHERE Target__r.Type = 'User'") == "Brown"
    assert names(org, "WHERE Target__r.Type IN ('Account', 'Campaign')") == "Adams"
    for path, words in (
        ("Target__r.BillingCity", "No such column 'BillingCity' on entity 'Name'."),
        ("Target__r.Owner.Name", "Didn't understand relationship 'Owner'"),
    ):
        assert words in refusal(org, f"SELECT {path} FROM Contact")[1]


def test_a_lead_belongs_to_a_user_or_a_queue(org):
    (lead,) = run(org, "SELECT Id, Owner.Type, Owner.Name FROM Lead WHERE Owner.Type = 'User'")
    assert (lead["Owner"]["Type"], lead["Owner"]["Name"]) == ("User", "Ada Admin")
    assert lead["Owner"]["attributes"]["type"] == "Name"
    assert run(org, "SELECT Id FROM Lead WHERE Owner.Type = 'Queue'") == []
    assert "No such column 'Type' on entity 'User'." in refusal(org, "SELECT Owner.Type FROM Contact")[1]


def test_a_child_sub_query_nests_its_records_or_is_null(org):
    text = (
        "SELECT Name, (SELECT LastName, Owner.Username, MailingAddress, DoNotCall FROM contacts "
        "WHERE LastName != 'x?' ORDER BY LastName DESC LIMIT 2) FROM Account "
        "WHERE Name IN ('Acme', 'beta', 'Gamma') ORDER BY Name"
    )
    acme, beta = run(org, text)
    assert list(acme) == ["attributes", "Name", "Contacts"]
    assert (acme["Contacts"]["totalSize"], acme["Contacts"]["done"]) == (2, True)
    first, second = acme["Contacts"]["records"]
    assert (first["LastName"], second["LastName"]) == ("Müller", "Adams")
    assert first["attributes"] == {
        "type": "Contact",
        "url": "/services/data/v59.0/sobjects/Contact/003000000000003AAA",
    }
    assert first["Owner"]["Username"] == "ada@example.com"
    assert first["MailingAddress"] is None
    assert first["DoNotCall"] is False
    assert [row["LastName"] for row in beta["Contacts"]["records"]] == ["Brown"]
    (alone,) = run(org, "SELECT (SELECT Id FROM Contacts WHERE LastName = 'none') FROM Account WHERE Name = 'beta'")
    assert alone["Contacts"] is None


def test_a_page_of_ids_carries_its_children(org):
    compiled = compile_query(
        "SELECT Name, (SELECT Id FROM Contacts WHERE LastName = 'Adams') FROM Account WHERE BillingCity != 'x'",
        org.schema,
        UserRights(user_id=USER),
        NOW,
    )
    ids = [row[0] for row in org.db.execute(compiled.ids_sql, compiled.parameters)]
    assert sorted(ids) == [ACME, BETA]
    (row,) = org.db.execute(compiled.by_id.sql, (*compiled.by_id.parameters, f'["{ACME}"]'))
    assert RowShaper(compiled, "/x").record(row)["Contacts"]["totalSize"] == 1


@pytest.mark.parametrize(
    "text",
    [
        # The Singer taps, with their two blanks; Airbyte; dlt with its trailing blanks; jsforce; CumulusCI.
        "SELECT Id,Name,SystemModstamp FROM Contact WHERE SystemModstamp >= 2020-01-01T00:00:00.000000Z  "
        "ORDER BY SystemModstamp ASC",
        "SELECT Id,Name FROM Contact WHERE SystemModstamp >= 2020-01-01T00:00:00.000000Z "
        "AND SystemModstamp < 2027-01-01T00:00:00.000000Z  ORDER BY SystemModstamp ASC",
        "SELECT Id,Name FROM Contact",
        "SELECT Id,Name FROM Contact WHERE SystemModstamp >= 2017-01-01T00:00:00.000+00:00 "
        "AND SystemModstamp < 2027-01-31T00:00:00.000+00:00",
        "SELECT Id,Name FROM Contact WHERE SystemModstamp >= 2017-01-01T00:00:00.000+00:00 ORDER BY Id ASC",
        "SELECT Id, Name FROM Contact WHERE SystemModstamp > 2017-01-01T00:00:00.000+00:00 "
        "ORDER BY SystemModstamp ASC  LIMIT 100  ",
        "SELECT Id, Name FROM Contact   ",
        "SELECT Id, Name FROM Contact WHERE IsDeleted = false AND (NOT Name LIKE 'zz%') ORDER BY Name ASC, Id DESC "
        "LIMIT 10 OFFSET 0",
        "SELECT Id FROM Contact WHERE LastName IN ('Adams','Brown','Müller','O\\'Neil') AND CreatedDate > "
        "2017-01-01T00:00:00+00:00",
        "SELECT Contact.Id, Contact.LastName FROM Contact WHERE (Contact.LastName != NULL) ORDER BY Contact.LastName",
        "SELECT c.Id, c.Account.Name FROM Contact c",
        "SELECT Id FROM Contact WHERE (SystemModstamp = 2020-01-01T00:00:00Z AND Id > '003000000000001AAA') "
        "OR SystemModstamp > 2020-01-01T00:00:00Z ORDER BY SystemModstamp, Id",
    ],
)
def test_what_other_clients_send(org, text):
    assert len(run(org, text)) == 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT COUNT(Id) FROM Contact", [{"expr0": 4}]),
        ("SELECT COUNT(FirstName) n, MAX(LastName) FROM Contact", [{"n": 2, "expr0": "O'Neil"}]),
        (
            "SELECT Account.Name, COUNT(Id) FROM Contact GROUP BY Account.Name ORDER BY COUNT(Id) DESC, Account.Name",
            [{"Name": "Acme", "expr0": 2}, {"Name": None, "expr0": 1}, {"Name": "beta", "expr0": 1}],
        ),
        (
            "SELECT AccountId a FROM Contact GROUP BY AccountId HAVING COUNT(Id) > 1",
            [{"a": ACME}],
        ),
        ("SELECT COUNT_DISTINCT(AccountId) FROM Contact", [{"expr0": 2}]),
        (
            "SELECT CALENDAR_MONTH(SystemModstamp) m, COUNT(Id) FROM Contact GROUP BY CALENDAR_MONTH(SystemModstamp)",
            [{"m": 10, "expr0": 1}, {"m": 11, "expr0": 3}],
        ),
    ],
)
def test_aggregates(org, text, expected):
    assert run(org, text) == [{"attributes": {"type": "AggregateResult"}, **row} for row in expected]


@pytest.mark.parametrize("text", ["select count() from Contact", "SELECT COUNT() FROM Contact WHERE LastName != null"])
def test_count_alone_is_a_size(org, text):
    compiled = compile_query(text, org.schema, UserRights(user_id=USER), NOW)
    assert compiled.kind == "count"
    assert org.db.execute(compiled.count_sql, compiled.parameters).fetchone() == (4,)


def test_fields_expand_by_selector(org):
    standard = run(org, "SELECT FIELDS(STANDARD) FROM Contact LIMIT 1")[0]
    custom = run(org, "SELECT FIELDS(CUSTOM) FROM Contact LIMIT 200")[0]
    everything = run(org, "SELECT FIELDS(ALL) FROM Contact LIMIT 1")[0]
    assert list(custom) == ["attributes", "Colors__c", "Score__c", "Target__c"]
    assert "Email" in standard
    assert "Score__c" not in standard
    assert set(everything) == set(standard) | set(custom)


def test_ids_and_pages_reach_the_same_records(org):
    compiled = compile_query(
        "SELECT Name FROM Contact WHERE Account.Name != null ORDER BY LastName DESC LIMIT 2",
        org.schema,
        UserRights(user_id=USER),
        NOW,
    )
    ids = [row[0] for row in org.db.execute(compiled.ids_sql, compiled.parameters)]
    assert ids == ["003000000000003AAA", "003000000000002AAA"]
    page = list(org.db.execute(compiled.by_id.sql, ('["003000000000002AAA"]',)))
    assert [RowShaper(compiled, "/x").record(row)["Name"] for row in page] == ["Brown"]


def test_hidden_fields_objects_and_rows_do_not_exist(org):
    rights = UserRights(user_id=USER, hidden_fields={"Contact.Email", "Contact.AccountId"})
    with pytest.raises(SoqlError) as hidden:
        run(org, "SELECT Email FROM Contact", rights)
    assert hidden.value.code == "INVALID_FIELD"
    assert "No such column 'Email' on entity 'Contact'." in hidden.value.message
    with pytest.raises(SoqlError) as path:
        run(org, "SELECT Account.Name FROM Contact", rights)
    assert "Didn't understand relationship 'Account' in field path." in path.value.message
    with pytest.raises(SoqlError) as unknown:
        run(org, "SELECT Id FROM Contact", UserRights(user_id=USER, denied_objects={"Contact": frozenset({"read"})}))
    assert unknown.value.code == "INVALID_TYPE"
    some = UserRights(user_id=USER, hidden_rows={"Contact": "{row}.\"LastName\" = 'Brown'"})
    assert len(run(org, "SELECT Id FROM Contact", some)) == 3
    assert "Email" not in run(org, "SELECT FIELDS(ALL) FROM Contact LIMIT 1", rights)[0]


def refusal(org: Storage, text: str, style: str = "rest") -> tuple[str, str]:
    with pytest.raises(SoqlError) as refused:
        compile_query(text, org.schema, UserRights(user_id=USER), NOW, style=style)  # type: ignore[arg-type]
    return refused.value.code, refused.value.message


def test_an_unknown_object_is_pointed_at(org):
    assert refusal(org, "select count() from XYZZY") == (
        "INVALID_TYPE",
        "\nselect count() from XYZZY\n                    ^\nERROR at Row:1:Column:21\n"
        "sObject type 'XYZZY' is not supported. If you are attempting to use a custom object, be sure to append the "
        "'__c' after the entity name. Please reference your WSDL or the describe call for the appropriate names.",
    )


def test_of_a_long_query_only_what_is_near_is_shown(org):
    text = (
        "SELECT Id FROM Contact WHERE LastName = 'Adams' AND LastModifiedDate=TODAY AND Foo='0050h00000IW2Jf' LIMIT 10"
    )
    code, message = refusal(org, text)
    assert code == "INVALID_FIELD"
    assert message.startswith(
        "\nAND LastModifiedDate=TODAY AND Foo='0050h00000IW2Jf' LIMIT 10\n"
        "                               ^\nERROR at Row:1:Column:80\nNo such column 'Foo'"
    )


def test_an_unknown_column_is_pointed_at_in_its_row(org):
    assert refusal(org, "SELECT Id,\n  Foo FROM Contact") == (
        "INVALID_FIELD",
        "\n  Foo FROM Contact\n  ^\nERROR at Row:2:Column:3\n"
        "No such column 'Foo' on entity 'Contact'. If you are attempting to use a custom field, be sure to append the "
        "'__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate names.",
    )


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("SELECT Id FRM Contact", "MALFORMED_QUERY", "ERROR at Row:1:Column:15\nunexpected token: 'Contact'"),
        ("SELECT Id FROM", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        ("SELECT Id FROM Contact WHERE", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        ("SELECT * FROM Contact", "MALFORMED_QUERY", "unexpected token: '*'"),
        ("SELECT Id FROM Contact WHERE Name = 'a' AND Name = 'b' OR Name = 'c'", "MALFORMED_QUERY", "token: 'OR'"),
        ("SELECT Id FROM Contact WHERE Name = 'a\\q'", "MALFORMED_QUERY", "Illegal character sequence '\\q'"),
        ("SELECT Id FROM Contact WHERE Name = 'a", "MALFORMED_QUERY", "unterminated"),
        ("SELECT Id FROM Contact WHERE SystemModstamp > 2026-01-01T00:00:00 00:00", "MALFORMED_QUERY", "unexpected"),
        ("SELECT Id, id FROM Contact", "INVALID_FIELD", "duplicate field selected: Id"),
        (
            "SELECT Id FROM Contact WHERE CreatedDate > '2026-01-01'",
            "INVALID_FIELD",
            "value of filter criterion for field 'CreatedDate' must be of type dateTime "
            "and should not be enclosed in quotes",
        ),
        ("SELECT Id FROM Contact WHERE CreatedDate > 2026-01-01", "INVALID_FIELD", "must be of type dateTime"),
        ("SELECT Id FROM Contact WHERE Birthdate = 2026-13-01", "MALFORMED_QUERY", "Invalid date: 2026-13-01"),
        ("SELECT Id FROM Contact WHERE Name = 5", "INVALID_FIELD", "of type string and should be enclosed in quotes"),
        ("SELECT Id FROM Contact WHERE DoNotCall = 'true'", "INVALID_FIELD", "must be of type boolean and should not"),
        ("SELECT Id FROM Contact WHERE DoNotCall > true", "INVALID_QUERY_FILTER_OPERATOR", "operator on boolean field"),
        ("SELECT Id FROM Contact WHERE Id = 'x'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: x"),
        (
            "SELECT Id FROM Contact WHERE Id LIKE '003%'",
            "INVALID_QUERY_FILTER_OPERATOR",
            "invalid operator on id field",
        ),
        ("SELECT Id FROM Contact WHERE Description = 'x'", "INVALID_FIELD", "field 'Description' can not be filtered"),
        ("SELECT Id FROM Contact WHERE MailingAddress = null", "INVALID_FIELD", "'MailingAddress' can not be filtered"),
        ("SELECT Id FROM Contact ORDER BY Colors__c", "INVALID_FIELD", "field 'Colors__c' can not be sorted"),
        ("SELECT Id FROM Contact ORDER BY Description", "INVALID_FIELD", "field 'Description' can not be sorted"),
        ("SELECT Name, (SELECT Id FROM Nopes) FROM Account", "INVALID_TYPE", "'Nopes' in FROM part of query call."),
        ("SELECT Nope.Name FROM Contact", "INVALID_FIELD", "Didn't understand relationship 'Nope' in field path."),
        ("SELECT Id FROM Contact OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000"),
        (
            f"SELECT Id FROM Contact WHERE {'(' * 5000}Name = 'a'{')' * 5000}",
            "QUERY_TOO_COMPLICATED",
            "nested too deeply",
        ),
        (f"SELECT Id FROM Contact WHERE {'NOT ' * 5000}Name = 'a'", "QUERY_TOO_COMPLICATED", "nested too deeply"),
        ("SELECT Id FROM Contact ALL ROWS", "MALFORMED_QUERY", "ALL ROWS not allowed in this context"),
        ("SELECT Id FROM Contact FOR UPDATE", "MALFORMED_QUERY", "unexpected token: 'FOR'"),
        ("SELECT FIELDS(ALL) FROM Contact", "MALFORMED_QUERY", "must have a LIMIT of at most 200"),
        ("SELECT LastName, COUNT(Id) FROM Contact", "MALFORMED_QUERY", "must be grouped or aggregated: LastName"),
        ("SELECT COUNT(Id) FROM Contact LIMIT 1", "MALFORMED_QUERY", "cannot also use LIMIT"),
        ("SELECT Id FROM Contact WHERE Id = null OR AccountId IN (SELECT Id FROM Account)", "MALFORMED_QUERY", "'OR'"),
        ("SELECT Id FROM Contact WHERE AccountId IN (SELECT Name FROM Account)", "INVALID_FIELD", "is not an id field"),
    ],
)
def test_refusals(org, text, code, words):
    found, message = refusal(org, text)
    assert found == code
    assert words in message
    assert "\nERROR at Row:1:Column:" in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SELECT Id, MailingAddress FROM Contact", "Selecting compound data not supported in Bulk Query"),
        ("SELECT COUNT(Id) FROM Contact", "not supported in Bulk Query"),
        ("SELECT COUNT() FROM Contact", "not supported in Bulk Query"),
        ("SELECT Id, (SELECT Id FROM Contacts) FROM Account", "Nested queries not supported in Bulk Query"),
        ("SELECT Id FROM Contact OFFSET 5", "Offset not supported in Bulk Query"),
        (
            "SELECT TYPEOF Target__r WHEN User THEN Id END FROM Contact",
            "TYPEOF expressions not supported in Bulk Query",
        ),
        ("SELECT LastName FROM Contact GROUP BY LastName", "not supported in Bulk Query"),
    ],
)
@pytest.mark.parametrize("style", ["csv", "bulk"])
def test_bulk_refuses_what_it_cannot_export(org, text, words, style):
    code, message = refusal(org, text, style=style)
    assert code == "API_ERROR"
    assert words in message


def test_bulk_takes_bounded_fields_without_compounds(org):
    rights = UserRights(user_id=USER)
    compiled = compile_query("SELECT FIELDS(STANDARD) FROM Contact", org.schema, rights, NOW, style="csv")
    assert "Email" in compiled.column_names
    assert "MailingAddress" not in compiled.column_names
    code, message = refusal(org, "SELECT FIELDS(ALL) FROM Contact LIMIT 1", style="csv")
    assert (code, "unbounded set of fields in this API." in message) == ("MALFORMED_QUERY", True)
