"""What a lead's fields become: the standard mapping of a conversion, and the org's own for custom fields.

"Lead Conversion Field Mapping" and "Map Custom Lead Fields" of Salesforce Help. Who may convert, and into what, is
decided in `convert.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .schema import Schema

TARGETS = ("Account", "Contact", "Opportunity")
_SAME_ON_CONTACT = (
    "FirstName LastName Salutation Title Phone MobilePhone Fax Email LeadSource Description "
    "HasOptedOutOfEmail HasOptedOutOfFax DoNotCall"
).split()
_SAME_ON_ACCOUNT = "Phone Fax Website Industry AnnualRevenue NumberOfEmployees Rating".split()
_ADDRESS = "Street City State PostalCode Country Latitude Longitude GeocodeAccuracy".split()
_STANDARD: dict[str, dict[str, str]] = {
    "Account": {
        "Company": "Name",
        "LeadSource": "AccountSource",
        **{name: name for name in _SAME_ON_ACCOUNT},
        **{part: f"Billing{part}" for part in _ADDRESS},
    },
    "Contact": {**{name: name for name in _SAME_ON_CONTACT}, **{part: f"Mailing{part}" for part in _ADDRESS}},
    "Opportunity": {"LeadSource": "LeadSource"},
}


class LeadMapping:
    """The mapping of one org. `custom` maps a custom lead field to its field on each target it goes to."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self.custom: dict[str, dict[str, str]] = {}

    def set_custom(self, mapping: Mapping[str, Mapping[str, str]]) -> None:
        """Replace the custom mapping, e.g. `{"Score__c": {"Contact": "Score__c"}}`.

        Raises:
            LookupError: an object or a field that is not there.
        """
        for lead_field, targets in mapping.items():
            for sobject, name in [("Lead", lead_field), *targets.items()]:
                found = self._schema.sobject(sobject) if sobject in ("Lead", *TARGETS) else None
                if found is None or found.field(name) is None:
                    raise LookupError(f"no field {name!r} of {sobject!r} to map a lead to")
        self.custom = {lead_field: dict(targets) for lead_field, targets in mapping.items()}

    def values(self, target: str, lead: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of *target* a lead's row gives a value to."""
        mapped = dict(_STANDARD[target])
        mapped |= {name: targets[target] for name, targets in self.custom.items() if target in targets}
        booleans = self._booleans()
        return {
            name: bool(lead[source]) if source in booleans else lead[source]
            for source, name in mapped.items()
            if lead.get(source) is not None
        }

    def _booleans(self) -> set[str]:
        lead = self._schema.sobject("Lead")
        assert lead is not None
        return {field.name for field in lead.fields() if field.type == "boolean"}
