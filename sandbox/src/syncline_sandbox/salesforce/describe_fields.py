"""One field as a describe tells it, with all 54 keys of a recorded v59 describe.

Lives here: the attributes of a field ("DescribeSObjectResult: Field" of the SOAP API Developer Guide). Objects are
described in `describe.py`.
"""

from __future__ import annotations

from typing import Any

from .caller import Caller
from .labels import NOT_PERMISSIONABLE
from .schema import NUMBER_TYPES, TEXT_TYPES, Field, SObject

_SOAP_TYPES = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "address": "urn:address",
    "location": "urn:location",
}
_BYTES_A_CHARACTER = 3


def field_describe(caller: Caller, sobject: SObject, field: Field) -> dict[str, Any]:
    """The 54 attributes of one field; createable and updateable are the caller's."""
    editable = caller.rights.can_edit_field(sobject.name, field.name)
    text = field.type in TEXT_TYPES
    return {
        "aggregatable": field.filterable and field.type not in ("boolean", "address"),
        "aiPredictionField": False,
        "autoNumber": field.auto_number is not None,
        "byteLength": field.length * _BYTES_A_CHARACTER if text else field.length,
        "calculated": field.calculated,
        "calculatedFormula": field.calculated_formula,
        "cascadeDelete": field.cascade_delete and field.relationship_order is not None,
        "caseSensitive": field.case_sensitive if field.custom else False,
        "compoundFieldName": field.compound_field_name,
        "controllerName": None,
        "createable": field.createable and editable,
        "custom": field.custom,
        "defaultValue": False if field.type == "boolean" and field.default is not True else field.default,
        "defaultValueFormula": None,
        "defaultedOnCreate": field.defaulted_on_create,
        "dependentPicklist": False,
        "deprecatedAndHidden": False,
        "digits": field.digits,
        "displayLocationInDecimal": False,
        "encrypted": False,
        "externalId": field.external_id,
        "extraTypeInfo": _extra_type(field),
        "filterable": field.filterable,
        "filteredLookupInfo": None,
        "formulaTreatNullNumberAsZero": False,
        "groupable": field.groupable,
        "highScaleNumber": False,
        "htmlFormatted": False,
        "idLookup": field.id_lookup,
        "inlineHelpText": field.help_text,
        "label": field.label,
        "length": field.length,
        "mask": None,
        "maskType": None,
        "name": field.name,
        "nameField": field.name_field,
        "namePointing": len(field.reference_to) > 1,
        "nillable": field.nillable,
        "permissionable": _permissionable(sobject, field),
        "picklistValues": [
            {
                "active": entry.active,
                "defaultValue": entry.default,
                "label": entry.label or entry.value,
                "validFor": None,
                "value": entry.value,
            }
            for entry in field.picklist
        ],
        "polymorphicForeignKey": len(field.reference_to) > 1,
        "precision": field.precision if field.type in NUMBER_TYPES else 0,
        "queryByDistance": field.compound,
        "referenceTargetField": None,
        "referenceTo": list(field.reference_to),
        "relationshipName": field.relationship_name,
        "relationshipOrder": field.relationship_order,
        "restrictedDelete": False,
        "restrictedPicklist": field.restricted_picklist,
        "scale": field.scale,
        "searchPrefilterable": _search_prefilterable(sobject, field),
        "soapType": _SOAP_TYPES.get(field.type, "xsd:string"),
        "sortable": field.sortable,
        "type": field.type,
        "unique": field.unique,
        "updateable": field.updateable and editable,
        "writeRequiresMasterRead": False,
    }


def _extra_type(field: Field) -> str | None:
    if field.type == "textarea":
        return "plaintextarea"
    if field.name == "PhotoUrl":
        return "imageurl"
    of_person = field.compound_field_name == "Name" or (field.name == "Name" and field.column is None)
    return "personname" if of_person else None


def _permissionable(sobject: SObject, field: Field) -> bool:
    """True for what a permission set can grant or leave out: nothing required, nothing of the platform."""
    if f"{sobject.name}.{field.name}" in NOT_PERMISSIONABLE or field.compound_field_name == "Name":
        return False
    writable = field.createable or field.updateable
    if field.type == "boolean":
        return writable and field.updateable
    return field.nillable and (writable or field.calculated or field.compound or field.name == "ExpectedRevenue")


def _search_prefilterable(sobject: SObject, field: Field) -> bool:
    people = field.name in ("MasterRecordId", "RecordTypeId", "OwnerId", "CreatedById", "LastModifiedById")
    return field.type == "reference" and not people and sobject.name != "OpportunityContactRole"
