"""The switches of an instance that a test or an operator may turn; no behaviour here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Settings:
    """Defaults are the vendor's documented numbers (Marketo "Marketo Integration Best Practices", "Error Codes").

    `enforce_limits` is off so that unit tests meet a limit only when they ask for one; `syncline-sandbox up` turns it
    on. `*_seconds` of bulk jobs: how long after queueing a job is complete, by the sandbox's clock.
    """

    enforce_limits: bool = False
    calls_per_window: int = 100
    window_seconds: int = 20
    calls_per_day: int = 50_000
    concurrent_calls: int = 10
    export_bytes_per_day: int = 500_000_000
    token_life_seconds: int = 3600
    accept_token_in_query: bool = True
    unknown_lead_is_error: bool = False  # GET lead/{id} of nobody: 1004 instead of an empty result
    omit_nulls: bool = False  # recorded traffic has explicit nulls
    reject_linked_company_fields: bool = True  # 1021; False: such values are ignored
    export_seconds: float = 0.0
    export_by_updated_at: bool = True  # the updatedAt filter is not provisioned in every subscription: 1035
    export_by_smart_list: bool = True  # nor are the filters by smart list
    export_file_days: int = 7  # ten in another place of the same page
    export_job_days: int = 30
    import_job_days: int = 7
    import_bad_email_fails: bool = True  # False: imported with a warning, which is shown for program members only
    import_seconds: float = 0.0
    deletions_kept_days: int = 14  # older ones are no longer among the deleted leads
    merged_people_in_deleted_leads: bool = False  # not documented by the vendor
    import_blank_clears: bool = False  # blank cells: not documented by the vendor
    member_extras_writable: bool = True  # acquiredBy and statusReason: release notes against the sample of describe
    member_limit_counts_all: bool = False  # which of two configurations the cap of 100,000 program members follows
    unknown_member_status_per_record: bool = False  # 1025 for each record instead of for the call
    webhook_timeout_seconds: float = 30.0  # of real time
    webhooks_wait: bool = False  # True: a flow's webhook holds up the instance until it answers
    id_field_needs_update_only: bool = False  # dedupeBy idField: the overview page allows createOrUpdate too
    native_crm: str = ""  # sfdc or dynamics: a native CRM sync owns companies, opportunities, roles, sales persons
    native_crm_reads: bool = True  # False: the older page, those calls are disabled altogether
    native_crm_role_reads: bool = True  # the roles' page: only without a native CRM sync
    native_crm_refuses_call: bool = False  # 1018 for the call instead of for each record
    activity_block_rows: int = 0  # an activity page ends after so many rows of any type, moreResult true; 0: never
    activity_list_limit: int = 0  # a list of so many people or more refuses listId, 1003; 0: no limit yet
    prune_activities: bool = False  # 14 days, 90 days or 25 months by type
    allowed_addresses: str = ""  # the API's allow-list, e.g. "10.0.0.0/8, 192.0.2.7"; the caller by X-Forwarded-For
    custom_objects: bool = True  # False: 1026
    custom_object_types: bool = True  # False: the subscription has no Custom Object Metadata API, 616
