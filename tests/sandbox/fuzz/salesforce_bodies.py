"""What sound requests to the org carry: queries, records, bodies by resource, SOAP calls.

Lives here: tables only. Who fills in ids and jobs is `salesforce.py`.
"""

from __future__ import annotations

from typing import Any

OBJECTS = "Lead Contact Account Opportunity Task User Campaign CampaignMember Nope".split()
SOQL = (
    "SELECT Id, Name FROM Lead WHERE City = 'Ulm' ORDER BY Name LIMIT 5",
    "SELECT Id, Account.Name, Owner.Name FROM Contact WHERE Account.Name LIKE 'A%' AND (Email != null OR Phone = '1')",
    "SELECT Name, (SELECT LastName FROM Contacts ORDER BY LastName LIMIT 2) FROM Account",
    "SELECT Status, COUNT(Id) n FROM Lead GROUP BY Status HAVING COUNT(Id) > 1 ORDER BY Status",
    "SELECT CALENDAR_YEAR(CreatedDate) y, SUM(NumberOfEmployees) FROM Lead GROUP BY ROLLUP(CALENDAR_YEAR(CreatedDate))",
    "SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact WHERE LastName != 'x')",
    "SELECT FIELDS(STANDARD) FROM Lead WHERE CreatedDate >= LAST_N_DAYS:3 AND SystemModstamp < 2030-01-01T00:00:00Z",
    "SELECT TYPEOF Who WHEN Lead THEN Company WHEN Contact THEN AccountId ELSE Name END FROM Task",
    "SELECT Id, toLabel(Status), FORMAT(CreatedDate) FROM Lead USING SCOPE Mine WHERE NOT (Name IN ('a', 'b')) LIMIT 9",
    "SELECT Id FROM Lead WHERE DISTANCE(Address, GEOLOCATION(1.5, 2.5), 'mi') < 20 OFFSET 3 FOR VIEW",
    "SELECT COUNT() FROM Lead",
)
SOSL = (
    "FIND {Smith} IN ALL FIELDS RETURNING Lead(Id, Name WHERE City = 'Ulm' ORDER BY Name LIMIT 3), Contact",
    'FIND {"Smith Ray" OR a*} IN NAME FIELDS RETURNING Account LIMIT 5',
)
LEAD = {"LastName": "Smith", "Company": "Acme", "Email": "a@example.com", "City": "Ulm", "NumberOfEmployees": 3}
RECORDS = [{"attributes": {"type": "Lead"}, **LEAD}, {"attributes": {"type": "Contact"}, "LastName": "Ray"}]
_URL = "/services/data/v59.0"
_NEW_LEAD = {"method": "POST", "url": f"{_URL}/sobjects/Lead", "referenceId": "made", "body": LEAD}
_ITS_OWNER = {"method": "GET", "url": f"{_URL}/sobjects/Lead/@{{made.id}}?fields=OwnerId", "referenceId": "read"}
_QUERY = {"method": "GET", "url": f"{_URL}/query?q=SELECT+Id+FROM+Lead+LIMIT+1", "referenceId": "found"}
_CHANGE = {
    "method": "PATCH", "url": f"{_URL}/sobjects/Lead/@{{found.records[0].Id}}", "referenceId": "set",
    "body": {"City": "@{read.OwnerId}"},
}  # fmt: skip
_MANY = {"method": "POST", "url": f"{_URL}/composite/sobjects", "referenceId": "many", "body": {"records": RECORDS}}
PARTS = (_NEW_LEAD, _ITS_OWNER, _QUERY, _CHANGE, _MANY)
_TREE = {
    "attributes": {"type": "Account", "referenceId": "a"}, "Name": "Acme",
    "Contacts": {"records": [{"attributes": {"type": "Contact", "referenceId": "c"}, "LastName": "Ray"}]},
}  # fmt: skip
_BATCH = [
    {"method": "GET", "url": "v59.0/limits"},
    {"method": "PATCH", "url": "v59.0/sobjects/Lead/00Q000000000000AAA", "richInput": {"City": "Ulm"}},
    {"method": "GET", "url": "v59.0/query?q=SELECT+Id+FROM+Lead+LIMIT+1", "binaryPartName": "x"},
]
# By how a path begins; the first that fits.
BODIES: dict[str, Any] = {
    "composite/tree": {"records": [_TREE, {**_TREE, "attributes": {"type": "Account", "referenceId": "b"}}]},
    "composite/graph": {"graphs": [{"graphId": "g", "compositeRequest": list(PARTS[:3])}]},
    "composite/batch": {"batchRequests": _BATCH, "haltOnError": True},
    "composite/sobjects": {"allOrNone": False, "records": RECORDS, "ids": [], "fields": ["Id", "Name"]},
    "composite": {"allOrNone": True, "collateSubrequests": False, "compositeRequest": list(PARTS)},
    "jobs/query": {"operation": "query", "query": SOQL[0], "contentType": "CSV", "columnDelimiter": "COMMA"},
    "jobs/ingest": {
        "object": "Lead", "operation": "upsert", "externalIdFieldName": "Key__c", "contentType": "CSV",
        "lineEnding": "LF", "columnDelimiter": "COMMA", "assignmentRuleId": "",
    },
    "parameterizedSearch": {
        "q": "Smith", "in": "ALL", "overallLimit": 5, "defaultLimit": 2, "fields": ["Id"],
        "sobjects": [{"name": "Lead", "fields": ["Id", "Name"], "where": "City = 'Ulm'", "limit": 2}],
    },
    "tooling": {"FullName": "Lead.K__c", "Metadata": {"type": "Text", "length": 20, "label": "K", "required": False}},
    "sobjects/User": {"NewPassword": "secret-1"},
    "sobjects/Contact": {"LastName": "Ray", "Account": {"Name": "Acme"}, "Birthdate": "1980-02-29"},
    "sobjects/Account": {"Name": "Acme", "AnnualRevenue": 1e6, "BillingCity": "Ulm"},
    "sobjects/Opportunity": {"Name": "Deal", "StageName": "Prospecting", "CloseDate": "2026-05-01", "Amount": 10.5},
    "sobjects/Task": {"Subject": "Call", "ActivityDate": "2026-05-01", "IsReminderSet": True},
    "sobjects/Campaign": {"Name": "Spring", "IsActive": True, "StartDate": "2026-05-01"},
}  # fmt: skip
UPLOADS = (
    b'LastName,Company\nSmith,Acme\n"O\'Hara, Jr",\n',
    b"Id,City\n00Q000000000000AAA,Ulm\n",
    b"Key__c,LastName,Company,Account.Name\nk1,Ray,#N/A,Acme\n",
)
XML_JOB = (
    '<jobInfo xmlns="http://www.force.com/2009/06/asyncapi/dataload"><operation>{operation}</operation>'
    "<object>Lead</object><contentType>{kind}</contentType></jobInfo>"
)
XML_BATCH = (
    '<sObjects xmlns="http://www.force.com/2009/06/asyncapi/dataload"><sObject><LastName>x</LastName>'
    "<Company>c</Company></sObject><sObject><Id>00Q000000000000AAA</Id></sObject></sObjects>"
)
ENVELOPE = (
    '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:p="urn:partner.soap.sforce.com" '
    'xmlns:s="urn:sobject.partner.soap.sforce.com" xmlns:x="http://www.w3.org/2001/XMLSchema-instance"><e:Header>'
    "<p:SessionHeader><p:sessionId>{session}</p:sessionId></p:SessionHeader><p:QueryOptions><p:batchSize>200"
    "</p:batchSize></p:QueryOptions></e:Header><e:Body>{call}</e:Body></e:Envelope>"
)
SOAP_CALLS = (
    "<p:query><p:queryString>SELECT Id, (SELECT Id FROM Contacts) FROM Account</p:queryString></p:query>",
    "<p:queryAll><p:queryString>SELECT Id FROM Lead</p:queryString></p:queryAll>",
    "<p:queryMore><p:queryLocator>x-200</p:queryLocator></p:queryMore>",
    "<p:create><p:sObjects><s:type>Lead</s:type><LastName>x</LastName><Company>c</Company></p:sObjects></p:create>",
    "<p:create><p:sObjects><s:type>Contact</s:type><LastName>x</LastName><Account><s:type>Account</s:type>"
    '<Name>Acme</Name></Account><Birthdate>2020-01-01</Birthdate><Phone x:nil="true"/></p:sObjects></p:create>',
    "<p:update><p:sObjects><s:type>Lead</s:type><s:Id>{id}</s:Id><s:fieldsToNull>City</s:fieldsToNull></p:sObjects>"
    "</p:update>",
    "<p:upsert><p:externalIDFieldName>Key__c</p:externalIDFieldName><p:sObjects><s:type>Lead</s:type><Key__c>1</Key__c>"
    "</p:sObjects></p:upsert>",
    "<p:delete><p:ids>{id}</p:ids></p:delete>",
    "<p:undelete><p:ids>{id}</p:ids></p:undelete>",
    "<p:emptyRecycleBin><p:ids>{id}</p:ids></p:emptyRecycleBin>",
    "<p:retrieve><p:fieldList>Id,Name</p:fieldList><p:sObjectType>Lead</p:sObjectType><p:ids>{id}</p:ids></p:retrieve>",
    "<p:getUpdated><p:sObjectType>Lead</p:sObjectType><p:startDate>2026-02-27T00:00:00Z</p:startDate>"
    "<p:endDate>2026-03-01T08:00:00Z</p:endDate></p:getUpdated>",
    "<p:getDeleted><p:sObjectType>Lead</p:sObjectType><p:startDate>2026-02-27T00:00:00Z</p:startDate>"
    "<p:endDate>2026-03-01T08:00:00Z</p:endDate></p:getDeleted>",
    "<p:describeGlobal/>",
    "<p:describeSObject><p:sObjectType>Campaign</p:sObjectType></p:describeSObject>",
    "<p:describeSObjects><p:sObjectType>Lead</p:sObjectType></p:describeSObjects>",
    "<p:describeTabs/>",
    "<p:getUserInfo/>",
    "<p:getServerTimestamp/>",
    "<p:setPassword><p:userId>{id}</p:userId><p:password>secret-1</p:password></p:setPassword>",
    "<p:merge><p:request><p:masterRecord><s:type>Lead</s:type><s:Id>{id}</s:Id></p:masterRecord>"
    "<p:recordToMergeIds>{id}</p:recordToMergeIds></p:request></p:merge>",
    "<p:convertLead><p:leadConverts><p:leadId>{id}</p:leadId><p:convertedStatus>Closed - Converted</p:convertedStatus>"
    "</p:leadConverts></p:convertLead>",
    "<p:login><p:username>u</p:username><p:password>p</p:password></p:login>",
)
