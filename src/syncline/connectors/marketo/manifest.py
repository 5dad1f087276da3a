"""What the Marketo connector declares: its settings, its limits and the facts the engine asks for. No I/O.

Numbers come from the vendor's pages "Marketo Integration Best Practices", "Leads", "Activities" and "Bulk Lead
Import"; what those leave open is marked *deduced* where it stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from syncline.errors import ConfigError
from syncline.ports import Capabilities, Manifest, Setting, Stamp
from syncline.records import Operation

LEAD = "lead"

ROWS_PER_CALL = 300  # in and out
TYPES_PER_CALL = 10
LOSERS_PER_MERGE = 25
LATE_COMMIT_SECONDS = 300
VISIBILITY_LAG_SECONDS = 10  # deduced: recorded on small instances as none, promised nowhere
DELETIONS_KEPT_DAYS = 13  # the vendor prunes at 14

# Kept on the company and shown on each of its people. The authority is Describe Companies, which needs a permission
# of its own; these are the fields the "List of Standard Fields" and "Companies" pages name.
COMPANY_FIELDS = frozenset(
    "company site website mainPhone annualRevenue numberOfEmployees industry sicCode "
    "billingStreet billingCity billingState billingCountry billingPostalCode".split()
)

# One value for many people: field -> field that names its owner. Unsubscribing is one per e-mail address.
SHARED_FIELDS: Mapping[str, str] = {
    **dict.fromkeys(sorted(COMPANY_FIELDS), "externalCompanyId"),
    "unsubscribed": "email",
}

MANIFEST = Manifest(
    name="marketo",
    label="Adobe Marketo Engage",
    object_types=(LEAD,),
    settings=(
        Setting(
            name="url",
            label="Endpoint",
            help="Admin > Web Services > REST API: the host, with or without /rest.",
            example="https://123-ABC-456.mktorest.com",
        ),
        Setting(name="client_id", label="Client id", help="Admin > LaunchPoint > View Details of the custom service."),
        Setting(name="client_secret", label="Client secret", help="Beside the client id.", is_secret=True),
        Setting(
            name="api_user",
            label="API user",
            help="The name activities show as Modifying User for our own writes, if it is not the user's e-mail.",
            is_required=False,
        ),
        Setting(
            name="daily_quota",
            label="Calls per day",
            help="Admin > Web Services > API Call Information. No call tells it.",
            is_required=False,
            default="50000",
        ),
        Setting(
            name="calls_per_20_seconds",
            label="Calls per 20 seconds",
            help="Our share of the 100 that all integrations have together; the vendor advises half.",
            is_required=False,
            default="50",
        ),
        Setting(
            name="concurrent_calls",
            label="Calls at the same time",
            help="Our share of the 10 that all integrations have together; the vendor advises half.",
            is_required=False,
            default="5",
        ),
        Setting(
            name="bulk_import_from",
            label="Bulk import from",
            help="From how many updates of the same fields a file is imported instead of 300 rows a call.",
            is_required=False,
            default="2000",
        ),
        Setting(
            name="created_since",
            label="People exist since",
            help="No person is older than this day: the first copy asks for one export per 31 days since then.",
            is_required=False,
            example="2019-03-01",
        ),
        Setting(
            name="ca_file",
            label="Authority file",
            help="PEM file of a private certificate authority to trust in addition to the system's.",
            is_required=False,
        ),
    ),
)

CAPABILITIES = Capabilities(
    stamp=Stamp.NONE,  # see rows.py: the visible updatedAt stands still when custom fields change
    has_actor=False,
    has_transaction_id=True,  # Request Id of the call, where the subscription logs it
    has_field_history=True,
    has_compare_and_set=False,
    unique_keys=frozenset(),
    visibility_lag_seconds=float(VISIBILITY_LAG_SECONDS),
    late_commit_seconds=float(LATE_COMMIT_SECONDS),
    shared_fields=SHARED_FIELDS,
    operations=frozenset({Operation.CREATE, Operation.UPDATE, Operation.DELETE, Operation.MERGE}),
    losers_per_merge=LOSERS_PER_MERGE,
    read_ids_per_call=ROWS_PER_CALL,
    write_rows_per_call=ROWS_PER_CALL,
    write_rows_per_batch=6_000,  # twenty calls, or one import file
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """A connection's settings, read and checked. `url` has neither a trailing slash nor /rest."""

    url: str
    client_id: str
    client_secret: str
    api_user: str | None
    daily_quota: int
    calls_per_20_seconds: int
    concurrent_calls: int
    bulk_import_from: int
    created_since: datetime | None


def read_options(settings: Mapping[str, str]) -> Options:
    """The options in *settings*. ConfigError names every setting that is unknown, missing or malformed."""
    known = {setting.name: setting for setting in MANIFEST.settings}
    wrong = [f"{name} is not a setting" for name in sorted(set(settings) - set(known))]
    text = {name: (settings.get(name) or setting.default or "").strip() for name, setting in known.items()}
    wrong += [f"{name} is missing" for name, setting in known.items() if setting.is_required and not text[name]]
    numbers = {}
    for name in ("daily_quota", "calls_per_20_seconds", "concurrent_calls", "bulk_import_from"):
        numbers[name] = int(text[name]) if text[name].isascii() and text[name].isdigit() else 0
        if numbers[name] < 1:
            wrong.append(f"{name} must be a whole number above 0, not {text[name]!r}")
    created_since = None
    if text["created_since"]:
        try:
            day = date.fromisoformat(text["created_since"])
            created_since = datetime(day.year, day.month, day.day, tzinfo=UTC)
        except ValueError:
            wrong.append(f"created_since must be a day such as 2019-03-01, not {text['created_since']!r}")
    if wrong:
        raise ConfigError("; ".join(wrong) + ".", remedy="Correct the settings of the Marketo connection.")
    return Options(
        url=text["url"].rstrip("/").removesuffix("/rest").removesuffix("/identity").rstrip("/"),
        client_id=text["client_id"],
        client_secret=text["client_secret"],
        api_user=text["api_user"] or None,
        created_since=created_since,
        **numbers,
    )
