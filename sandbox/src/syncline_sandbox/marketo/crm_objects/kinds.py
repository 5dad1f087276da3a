"""The standard kinds as tables: fields, keys, links. Data only.

Source: Marketo "Companies", "Opportunities", "Opportunity Roles", "Sales Persons", "Named Accounts" (describe, field
metadata); the company fields are those of a recorded lead describe.
"""

from __future__ import annotations

from dataclasses import replace

from syncline_sandbox.marketo import standard_fields
from syncline_sandbox.marketo.fields import Field, FieldCatalog
from syncline_sandbox.marketo.objects.kind import GUID, Kind, Link, fields_of

SALES_PERSON_KEY = "externalSalesPersonId"

_OPPORTUNITY = """
externalOpportunityId string 50 key SFDC Oppty Id
name string 255 - Name
description string 2000 - Description
type string 255 - Type
stage string 255 - Stage
source string 255 - Source
amount currency 0 - Amount
expectedRevenue currency 0 - Expected Revenue
probability integer 0 - Probability
quantity float 0 - Quantity
closeDate date 0 - Close Date
isClosed boolean 0 - Is Closed
isWon boolean 0 - Is Won
nextStep string 255 - Next Step
forecastCategory string 255 - Forecast Category
fiscal string 255 - Fiscal
externalCreatedDate datetime 0 - External Created Date
externalCompanyId string 100 - External Company Id
externalSalesPersonId string 255 - External Sales Person Id
"""

_ROLE = """
externalOpportunityId string 50 key External Opportunity Id
leadId integer 0 key Lead Id
role string 50 key Role
isPrimary boolean 0 - Is Primary
externalCreatedDate datetime 0 - External Created Date
"""

_SALES_PERSON = """
externalSalesPersonId string 255 key External Sales Person Id
email string 255 - Email
firstName string 255 - First Name
lastName string 255 - Last Name
phone string 255 - Phone
title string 255 - Title
"""

_NAMED_ACCOUNT = """
name string 255 - Name
domainName string 255 - Domain Name
industry string 255 - Industry
sicCode string 40 - SIC Code
city string 255 - City
state string 255 - State
country string 255 - Country
annualRevenue currency 0 - Annual Revenue
numberOfEmployees integer 0 - Number of Employees
logoUrl url 255 - Logo URL
membershipCount integer 0 key Membership Count
opptyAmount currency 0 key Opportunity Amount
opptyCount integer 0 key Opportunity Count
score1 integer 0 - Score 1
score2 integer 0 - Score 2
score3 integer 0 - Score 3
score4 integer 0 - Score 4
score5 integer 0 - Score 5
"""

_TO_COMPANY = Link(field="externalCompanyId", table="companies", column="externalCompanyId")
_TO_SALES_PERSON = Link(field=SALES_PERSON_KEY, table="sales_persons", column=SALES_PERSON_KEY)

OPPORTUNITY = Kind(
    name="opportunity",
    label="Opportunity",
    table="opportunities",
    id_field=GUID,
    dedupe=("externalOpportunityId",),
    fields=fields_of(_OPPORTUNITY),
    required=("name",),
    links=(
        _TO_COMPANY,
        replace(_TO_SALES_PERSON, code=718, message="ExternalSalesPersonID not found", whole_call=True),
    ),
)
ROLE = Kind(
    name="opportunityRole",
    label="Opportunity Role",
    table="opportunity_roles",
    id_field=GUID,
    dedupe=("externalOpportunityId", "leadId", "role"),
    fields=fields_of(_ROLE),
    search=("leadId", "externalOpportunityId"),
    links=(
        Link(field="leadId", table="leads", column="id", code=1004, message="Lead not found"),
        Link(field="externalOpportunityId", table="opportunities", column="externalOpportunityId"),
    ),
)
SALES_PERSON = Kind(
    name="SalesPerson",
    label="Sales Person",
    table="sales_persons",
    id_field="id",
    dedupe=(SALES_PERSON_KEY,),
    fields=fields_of(_SALES_PERSON),
    search=("email",),
    shows_populated=True,
)
NAMED_ACCOUNT = Kind(
    name="Named Account",
    label="Named Account",
    description="Marketo standard account attribute map",
    table="named_accounts",
    id_field=GUID,
    dedupe=("name",),
    fields=fields_of(_NAMED_ACCOUNT),
    search=tuple(field.name for field in fields_of(_NAMED_ACCOUNT)),
    needs_update_only=True,
)


def company_kind(catalog: FieldCatalog) -> Kind:
    """Companies: their fields are the lead catalogue's company fields."""
    key = Field(id=0, name="externalCompanyId", label="External Company Id", type="string", length=100, writable=False)
    owner = Field(id=0, name=SALES_PERSON_KEY, label="External Sales Person Id", type="string", length=255)
    return Kind(
        name="Company",
        label="Company",
        description="Company object",
        table="companies",
        id_field="id",
        dedupe=("externalCompanyId",),
        fields=(key, *(catalog[name] for name in standard_fields.COMPANY_FIELDS), owner),
        search=("company",),
        links=(_TO_SALES_PERSON,),
    )


def with_custom(kind: Kind, custom: tuple[Field, ...]) -> Kind:
    """The kind with an instance's own fields; one may search by those of type string or integer."""
    search = tuple(field.name for field in custom if field.type in ("string", "integer"))
    return replace(kind, fields=(*kind.fields, *custom), search=(*kind.search, *search))
