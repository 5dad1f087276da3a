"""The standard lead fields as a table: id, REST name, type, length, label. Data only.

Ids, names, types and lengths are those of a recorded describe of one live instance; custom fields start at 795.
"""

from __future__ import annotations

# id name type length-or-0 label
TABLE = """
4 company string 255 Company Name
5 site string 255 Site
6 billingStreet text 0 Billing Address
7 billingCity string 255 Billing City
8 billingState string 255 Billing State
9 billingCountry string 255 Billing Country
10 billingPostalCode string 255 Billing Postal Code
11 website url 255 Website
12 mainPhone phone 255 Main Phone
15 annualRevenue currency 0 Annual Revenue
16 numberOfEmployees integer 0 Num Employees
17 industry string 255 Industry
18 sicCode string 40 SIC Code
20 mktoCompanyNotes text 0 Marketo Company Notes
41 externalCompanyId string 50 External Company Id
44 id integer 0 Id
45 mktoName string 255 Full Name
46 personType string 50 Person Type
48 mktoIsPartner boolean 0 Is Partner
49 isLead boolean 0 Is Lead
50 mktoIsCustomer boolean 0 Is Customer
51 isAnonymous boolean 0 Is Anonymous
52 salutation string 255 Salutation
53 firstName string 255 First Name
54 middleName string 255 Middle Name
55 lastName string 255 Last Name
56 email email 255 Email Address
57 phone phone 255 Phone Number
58 mobilePhone phone 255 Mobile Phone Number
59 fax phone 255 Fax Number
60 title string 255 Job Title
61 contactCompany reference 0 Contact Company
62 dateOfBirth date 0 Date of Birth
63 address text 0 Address
64 city string 255 City
65 state string 255 State
66 country string 255 Country
67 postalCode string 255 Postal Code
68 personTimeZone string 255 Person Time Zone
70 originalSourceType string 255 Original Source Type
71 originalSourceInfo string 2000 Original Source Info
72 registrationSourceType string 255 Registration Source Type
73 registrationSourceInfo string 2000 Registration Source Info
74 originalSearchEngine string 255 Original Search Engine
75 originalSearchPhrase string 255 Original Search Phrase
76 originalReferrer url 255 Original Referrer
77 emailInvalid boolean 0 Email Invalid
78 emailInvalidCause string 255 Email Invalid Cause
79 unsubscribed boolean 0 Unsubscribed
81 unsubscribedReason string 2000 Unsubscribed Reason
82 doNotCall boolean 0 Do Not Call
83 mktoDoNotCallCause string 255 Do Not Call Cause
84 doNotCallReason string 2000 Do Not Call Reason
85 marketingSuspended boolean 0 Marketing Suspended
86 marketingSuspendedCause string 255 Marketing Suspended Cause
87 blackListed boolean 0 Black Listed
88 blackListedCause string 255 Black Listed Cause
89 mktoPersonNotes text 0 Person Notes
103 anonymousIP string 255 Anonymous IP
104 inferredCompany string 255 Inferred Company
105 inferredCountry string 255 Inferred Country
106 inferredCity string 255 Inferred City
107 inferredStateRegion string 255 Inferred State Region
108 inferredPostalCode string 255 Inferred Postal Code
109 inferredMetropolitanArea string 255 Inferred Metropolitan Area
110 inferredPhoneAreaCode string 255 Inferred Phone Area Code
123 emailSuspended boolean 0 Email Suspended
124 emailSuspendedCause string 255 Email Suspended Cause
125 emailSuspendedAt datetime 0 Email Suspended At
126 department string 255 Department
130 createdAt datetime 0 Created At
131 updatedAt datetime 0 Updated At
136 cookies string 255 Cookies
137 externalSalesPersonId string 50 External Sales Person Id
141 leadPerson reference 0 Lead Person
143 leadRole string 50 Role
144 leadSource string 255 Lead Source
145 leadStatus string 255 Lead Status
146 leadScore score 0 Lead Score
147 urgency float 0 Urgency
148 priority integer 0 Priority
149 relativeScore integer 0 Relative Score
150 relativeUrgency integer 0 Relative Urgency
160 rating string 255 Lead Rating
181 personPrimaryLeadInterest reference 0 Primary Lead Interest
479 leadPartitionId reference 0 Lead Partition Id
485 leadRevenueCycleModelId reference 0 Lead Revenue Cycle Model Id
487 leadRevenueStageId reference 0 Lead Revenue Stage Id
625 acquisitionProgramId reference 0 Acquisition Program Id
627 mktoAcquisitionDate datetime 0 Acquisition Date
830 ecids string 255 Experience Cloud Ids
"""

FIRST_CUSTOM_ID = 1001

# `rest.readOnly` in the recorded describe. Not the same as writable: see SYSTEM_MANAGED.
READ_ONLY = frozenset(
    "mktoName contactCompany personTimeZone originalSourceType originalSourceInfo originalSearchEngine "
    "originalSearchPhrase originalReferrer inferredCompany inferredCountry inferredCity inferredStateRegion "
    "inferredPostalCode inferredMetropolitanArea inferredPhoneAreaCode createdAt updatedAt leadPerson "
    "personPrimaryLeadInterest ecids".split()
)

# Never writable, whatever describe says.
SYSTEM_MANAGED = READ_ONLY | frozenset("id isAnonymous priority relativeScore relativeUrgency urgency cookies".split())

# isSensitive in the vendor's sample of Get Lead Fields, which shows these.
SENSITIVE = frozenset(
    "salutation firstName middleName lastName dateOfBirth email phone mobilePhone fax title unsubscribed".split()
)

# Kept on the company and mirrored on its leads.
COMPANY_FIELDS = (
    "company site website mainPhone annualRevenue numberOfEmployees industry sicCode "
    "billingStreet billingCity billingState billingCountry billingPostalCode"
).split()

# Standard fields allowed as filterType and lookupField; custom ones join by type.
LOOKUPS = frozenset(
    "email id leadPartitionId cookies sfdcAccountId sfdcContactId sfdcLeadId sfdcLeadOwnerId sfdcOpptyId".split()
)
