"""The exception tree, sorted by what happens next. Imports nothing of ours.

    SynclineError
    ├─ ConfigError            a person edits the configuration; the sync does not start
    ├─ AccessError            a person re-authorises or grants a permission; the connection pauses
    ├─ Later                  the same request again, after a wait
    │  ├─ Unavailable         network, 5xx, vendor "system busy"   -> backoff
    │  ├─ RateLimited         `retry_after_seconds`                -> wait, shrink the budget
    │  ├─ QuotaExhausted      `resets_at`                          -> sleep until then, tell the operator
    │  └─ Parked              `until`                              -> nothing was sent; go on by itself then
    ├─ OutcomeUnknown         a write may or may not have happened -> read back, then decide
    ├─ Stale                  the record moved since we planned    -> read again and plan it again
    ├─ PositionLost           cursor or replay id no longer known  -> backfill
    ├─ NotUnderstood          the vendor broke its contract        -> stop the sync, keep the evidence
    ├─ SafetyStop             the plan looks like an accident      -> hold, ask a person
    ├─ StateError             our own state file is unusable       -> a person restores or frees it; nothing was sent
    └─ OurBug                 an invariant of ours broke           -> stop, report
    StopRequested             a signal, not an error: finish the batch, store the cursor, leave

A rejected *record* is a value (`records.Outcome`), never an exception. Every error carries a stable `code`, the
sentence for the operator (`message`, then `remedy`) and, for developers, `evidence` with secrets already removed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


class SynclineError(Exception):
    """Root of everything we raise on purpose.

    `code` is stable across releases and one of `CODES`; `remedy` says what to do next, the code's own unless one that
    fits the case better is given.
    """

    code: str = "SYN-000"
    remedy: str = ""

    def __init__(
        self, message: str, *, code: str | None = None, remedy: str | None = None, evidence: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.remedy = remedy or type(self).remedy or remedy_of(self.code)
        self.evidence = evidence

    def __str__(self) -> str:
        return f"[{self.code}] {self.message}" + (f" {self.remedy}" if self.remedy else "")


class ConfigError(SynclineError):
    """A person edits the configuration; nothing was started."""

    code = "SYN-100"


class AccessError(SynclineError):
    """A person re-authorises or grants a permission; the connection pauses."""

    code = "SYN-200"


class Later(SynclineError):
    """The same request may be sent again after a wait; nothing was changed by it."""

    code = "SYN-300"


class Unavailable(Later):
    """Network failure, HTTP 5xx or a vendor's "system busy": back off."""

    code = "SYN-310"


class RateLimited(Later):
    """A short-term limit: wait `retry_after_seconds`, then use a smaller share."""

    code = "SYN-320"

    def __init__(self, message: str, *, retry_after_seconds: float, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after_seconds = retry_after_seconds


class QuotaExhausted(Later):
    """A daily or storage quota is used up; `resets_at` is aware UTC, None if the vendor does not say.

    `is_of_calls`: no other call would be answered either.
    """

    code = "SYN-330"

    def __init__(
        self, message: str, *, resets_at: datetime | None, code: str | None = None, is_of_calls: bool = False
    ) -> None:
        super().__init__(message, code=code)
        self.resets_at = resets_at
        self.is_of_calls = is_of_calls


class Parked(Later):
    """The connection takes no calls until `until` (aware UTC): nothing was sent. Work goes on by itself then."""

    code = "SYN-340"

    def __init__(self, message: str, *, until: datetime) -> None:
        super().__init__(f"{message} (until {until:%H:%M:%S} UTC).")
        self.until = until


class OutcomeUnknown(SynclineError):
    """A write may or may not have happened. Read back by id or key, then decide; never resend blindly."""

    code = "SYN-400"


class Stale(SynclineError):
    """The record moved since the plan was made: read it and plan it again."""

    code = "SYN-410"


class PositionLost(SynclineError):
    """The vendor no longer knows the cursor: backfill."""

    code = "SYN-420"


class NotUnderstood(SynclineError):
    """The vendor's answer breaks its contract; the sync stops and `evidence` holds what was seen."""

    code = "SYN-500"


class SafetyStop(SynclineError):
    """The plan looks like an accident; it is held for a person."""

    code = "SYN-600"


class StateError(SynclineError):
    """The state file is damaged, locked by another process, or cannot be written. Nothing was sent."""

    code = "SYN-700"


class OurBug(SynclineError):
    """An invariant of ours broke. Stop and report it with the evidence."""

    code = "SYN-900"


class StopRequested(BaseException):
    """A signal asked us to stop: finish the batch, store the cursor, leave."""


@dataclass(frozen=True)
class Code:
    """What a stable code means: the cause, what a person does about it, and the rooms that may use it."""

    cause: str
    remedy: str
    rooms: str


def remedy_of(code: str) -> str:
    """The general remedy of a code; "" for one that is not ours."""
    return CODES[code].remedy if code in CODES else ""


CODES: Mapping[str, Code] = {
    "SYN-000": Code("An error without a class of its own.", "Report it: every error should have one.", "errors"),
    # 1xx: the configuration or the command line; nothing was started
    "SYN-100": Code("A setting cannot be used.", "Correct what the message names.", "errors"),
    "SYN-110": Code(
        "The configuration file is not there or cannot be read.",
        "Run `syncline init` to make one, or name another with --config.",
        "spec",
    ),
    "SYN-111": Code(
        "The configuration file is not YAML that can be read safely.",
        "Correct the line and column the message names.",
        "spec",
    ),
    "SYN-112": Code(
        "A key of the configuration file is unknown, or its value is not one that may stand there.",
        "Use the nearest key or one of the values the message names; `syncline schema` prints all of them.",
        "spec",
    ),
    "SYN-113": Code(
        "`syncline init` found a configuration file already there, or cannot write one.",
        "Edit the one that is there, or name another with --config.",
        "cli",
    ),
    "SYN-114": Code(
        "A schedule cannot work: two kinds of it at once, a frequency that is none, or no start for it.",
        "Say one of `once`, `every` and `pause_after`; `every` as 15 minutes, with a start.",
        "spec",
    ),
    "SYN-115": Code("A schedule's time zone is not known.", "Use an IANA name as Europe/Berlin.", "spec"),
    "SYN-116": Code(
        "A schedule's local time does not exist: the clocks are put forward over it.",
        "Take the time before or the one after, which the message names.",
        "spec",
    ),
    "SYN-117": Code(
        "A schedule's date and time are not understood.", "Write 2027-03-01 09:00, without an offset.", "spec"
    ),
    "SYN-118": Code("A schedule's only moment has passed.", "Name a later one, or say `once: now`.", "runtime"),
    "SYN-119": Code("A schedule ends before it begins.", "Correct its start or its end.", "spec"),
    "SYN-120": Code("A sync names a connection that the file does not have.", "Add it under `connections`.", "spec"),
    "SYN-121": Code("There is no preset of this name.", "Use `recommended` or `native`.", "spec"),
    "SYN-122": Code(
        "A preset or a connector does not know an object type.", "Use one the message names.", "spec wiring"
    ),
    "SYN-123": Code(
        "A field map cannot work: an end is missing, or a transform without its reverse.",
        "Declare the missing end or transform, or a direction.",
        "spec",
    ),
    "SYN-124": Code("This sync does not offer what was asked for.", "Use a sync whose preset does.", "engine"),
    "SYN-125": Code(
        "A sync matches by probability, and the package for it is not installed.",
        "Install it: pip install 'syncline[probabilistic]', or take `probabilistic` out of the file.",
        "scoring",
    ),
    "SYN-126": Code("Matching by probability cannot work in this sync.", "Do what the message says.", "spec"),
    "SYN-131": Code("A filter or transform is not one SQL expression.", "Correct the expression.", "spec"),
    "SYN-132": Code(
        "A filter or transform uses something that is not on the allow-list: a sub-query, a table, a file, a function "
        "that is not listed, chance, the current time.",
        "Use the operators and functions that docs/reference/configuration.md lists.",
        "spec",
    ),
    "SYN-133": Code(
        "A filter or transform names a field that its object does not have, or that the connected user cannot see.",
        "Correct the name, or grant read access to the field.",
        "spec engine",
    ),
    "SYN-134": Code(
        "A filter or transform cannot be evaluated: it does not fit the types of its fields or one of their values.",
        "Cast the fields, or use TRY_CAST.",
        "spec",
    ),
    "SYN-140": Code("A connection has a setting its connector does not know.", "Use one it knows.", "connectors"),
    "SYN-141": Code("A connection lacks a setting it needs.", "Add it.", "connectors wiring"),
    "SYN-142": Code(
        "A secret stands in the configuration file itself.",
        "Write a reference instead (env:NAME, file:PATH, stored), and change the secret: it has been in a file.",
        "connectors",
    ),
    "SYN-143": Code(
        "A reference (env:NAME, file:PATH, stored) leads nowhere or to nothing.",
        "Set the variable, the file or the stored secret.",
        "connectors vault",
    ),
    "SYN-144": Code("There is no connector of this type.", "Use `salesforce` or `marketo`.", "connectors"),
    "SYN-145": Code("A connection's url cannot be called.", "Correct the connection's url.", "net"),
    "SYN-146": Code(
        "The file of a private certificate authority cannot be used.", "Name a readable PEM file.", "net connectors"
    ),
    "SYN-147": Code(
        "The server's certificate is not trusted. Nothing was sent.",
        "Check the host name, or name the private authority's PEM file in ca_file.",
        "net",
    ),
    "SYN-148": Code(
        "A connection has an http address of another machine: its secrets would travel in the clear.",
        "Write https; http is accepted for this machine only.",
        "connectors",
    ),
    "SYN-149": Code(
        "A connection pushes no changes in a channel of this name, or its `stream` says neither yes nor no.",
        "Look at its settings `stream` and `stream_endpoint`.",
        "engine connectors",
    ),
    "SYN-150": Code(
        "No record of this id or e-mail address is known.",
        "Give an e-mail address or a record id of either side.",
        "cli engine",
    ),
    "SYN-151": Code(
        "The command does not say which sync, or names one that is not there.", "Use --sync.", "cli runtime"
    ),
    "SYN-152": Code("The pause of --every is not understood.", "Write 30s, 5m or 2h.", "spec"),
    "SYN-153": Code(
        "The person was erased on request and is not taken in again.",
        "Nothing: this is how it was asked for. To lift it, move the state away and start anew.",
        "engine",
    ),
    "SYN-154": Code("Nobody confirmed that a person is to be erased.", "Answer y, or give --yes.", "cli"),
    "SYN-155": Code("An instant of the command line is not understood.", "Write 2026-03-02T09:00Z.", "cli"),
    "SYN-156": Code("Two options of a command do not go together.", "Leave one of them out.", "cli"),
    "SYN-157": Code(
        "The file is no sealed plan, or one that another release wrote.",
        "Name a file that `syncline plan --out` wrote.",
        "engine cli",
    ),
    "SYN-158": Code("A plan cannot be written to that file.", "Name a file that is not there yet.", "cli"),
    "SYN-159": Code(
        "Workers cannot work on this state: one in memory, or one that only one process may write.",
        "Use `syncline up` with a file, or set `state` to PostgreSQL for several workers.",
        "cli wiring",
    ),
    "SYN-160": Code(
        "The process that holds the state cannot do what a command asked of it.",
        "Stop it, give the command, and start it again; or keep the state in PostgreSQL.",
        "runtime",
    ),
    # 16x: what `check` finds when it compares the sync with both sides
    "SYN-161": Code(
        "A field the sync reads does not exist, or the connected user cannot see it.",
        "Grant read access to it, create it, or switch the field off.",
        "engine",
    ),
    "SYN-162": Code(
        "A field should be written but is calculated or read-only for the connected user.",
        "Grant edit access, or give the field a direction.",
        "engine",
    ),
    "SYN-163": Code("New records require a field to which nothing flows.", "Map it, with a default.", "engine"),
    "SYN-164": Code("The field that holds our key is missing.", "Run `syncline init --create-fields`.", "engine"),
    "SYN-165": Code(
        "A field of the preset rests, because one of its ends does not exist or cannot be seen.",
        "Create the field or grant access; or switch it off with `false`.",
        "engine",
    ),
    "SYN-166": Code(
        "A mapped field is calculated: a new result moves no stamp and is not noticed by itself.",
        "Say sweep_formulas_every for the sync, or run `syncline run --sweep` when it matters.",
        "engine",
    ),
    "SYN-167": Code("No open hold has that name.", "`syncline holds` lists them with their digests.", "cli engine"),
    "SYN-168": Code("That cannot be decided about this hold.", "The message says what can.", "cli engine"),
    "SYN-170": Code(
        "The state's URL cannot be used.",
        "Write sqlite:///path/to/state.db, or postgresql://user@host/database.",
        "store",
    ),
    # 171 to 179: acting on one person; they are outcomes, not exceptions
    "SYN-171": Code("Several persons fit.", "Name one of them by its id.", "engine"),
    "SYN-172": Code(
        "The owner is not there, or several fit.", "Name a user or queue by its id, name or address.", "engine"
    ),
    "SYN-173": Code("The owner is inactive: the system would refuse it.", "Name an active one.", "engine"),
    "SYN-174": Code(
        "This kind of record cannot have such an owner: a queue owns leads, never contacts.",
        "Name a user. No second lead is made for the queue's sake.",
        "engine",
    ),
    "SYN-175": Code(
        "The action does not fit what the person is, so nothing was done.", "See what the message says.", "engine"
    ),
    "SYN-176": Code(
        "The account or contact of a conversion is not there, or several fit.",
        "Name one by its id, or ask for a new one.",
        "engine",
    ),
    "SYN-177": Code("A token cannot be resolved.", "Correct its name, or give it a default.", "engine"),
    "SYN-178": Code(
        "The system refused the action; nothing was changed by it.",
        "Do as its own words say, then repeat it.",
        "engine",
    ),
    "SYN-179": Code(
        "The person is not on the side where the action belongs and could not be put there.",
        "Do what the reason says, then repeat the action.",
        "engine",
    ),
    "SYN-180": Code("The sandboxes that the demo starts are not installed.", "Run make demo.", "demo"),
    "SYN-181": Code("The demo's persons are not installed.", "Run make demo.", "demo"),
    "SYN-182": Code("A sandbox of the demo did not start.", "Look at the reason in the message.", "demo"),
    "SYN-185": Code(
        "Stored secrets need a key, and none is given.",
        "Set SYNCLINE_KEY_FILE to the key's file, or SYNCLINE_KEY to it; `syncline secrets key new FILE` makes one.",
        "vault",
    ),
    "SYN-186": Code("A key of stored secrets cannot be used, made or replaced.", "Do as the message says.", "vault"),
    "SYN-187": Code(
        "A stored secret does not open with the key that is given.",
        "Give the key that it was sealed with, or set the secret again.",
        "vault",
    ),
    "SYN-188": Code("No secret of that name is stored.", "`syncline secrets list` tells which are.", "vault cli"),
    "SYN-189": Code(
        "That cannot be stored as a secret.", "Name a connection of the file and a secret setting of it.", "wiring cli"
    ),
    "SYN-190": Code(
        "Nothing that can be undone has that name.",
        "Give a run's id (`syncline status` lists the last ones), an e-mail address or a record id.",
        "cli engine",
    ),
    "SYN-191": Code("A setting of the log is not understood.", "Correct the variable that the message names.", "logs"),
    # 2xx: access
    "SYN-200": Code("A right or a permission is missing.", "Grant what the message names.", "errors"),
    "SYN-201": Code(
        "The system refused the login: client id, secret, user or password is wrong, or the app is not admitted.",
        "Correct the credentials; nothing was read or written on either side.",
        "connectors",
    ),
    "SYN-210": Code(
        "The system calls a token invalid that it has just issued.",
        "Check that the connected user and app are active and that the session is not restricted.",
        "net",
    ),
    "SYN-220": Code("The connected user does not see an object.", "Grant it read access to the object.", "connectors"),
    "SYN-221": Code("A custom field was made, but we do not see it.", "Grant read and edit access.", "connectors"),
    "SYN-222": Code("A custom field could not be made.", "Make it by hand as the message says.", "connectors"),
    "SYN-223": Code("The org does not offer the API version.", "Set api_version to one it offers.", "connectors"),
    "SYN-224": Code("The connected user lacks a right on an object or an API.", "Grant it.", "connectors"),
    "SYN-225": Code("A system field is hidden without which changes cannot be followed.", "Show it.", "connectors"),
    "SYN-226": Code("It is not proven that the user is ours alone.", "Give Syncline a user of its own.", "connectors"),
    "SYN-227": Code("The system did not say how much of its day is used.", "Try again later.", "connectors"),
    "SYN-228": Code(
        "The org does not push changes of an object, or not to the connected user. They are polled.",
        "Select the object in Setup, Change Data Capture, and grant View All on it; or write stream: false.",
        "connectors",
    ),
    # 3xx: the same request later
    "SYN-300": Code("The system cannot do it now.", "Run again later; nothing is lost meanwhile.", "errors"),
    "SYN-310": Code(
        "The system cannot be reached or is busy, also after several attempts.",
        "Check the address and the network, or wait; the next run continues where this one stopped.",
        "errors runtime",
    ),
    "SYN-320": Code("The system limits the rate of calls.", "Run again later, or lower the settings' share.", "errors"),
    "SYN-330": Code(
        "The system's daily or storage quota is used up.",
        "Wait until it resets, or raise it; the next run continues where this one stopped.",
        "errors",
    ),
    "SYN-331": Code("Little is left of the day's calls.", "Raise the limit or run less often.", "connectors"),
    "SYN-340": Code(
        "A connection takes no calls for now: it failed too often in a row, or its system asked us to stay away. "
        "Nothing was sent.",
        "Nothing: work goes on by itself at the time the message names. `syncline status` shows what is parked.",
        "errors",
    ),
    # 4xx: read again, then decide
    "SYN-400": Code(
        "A write may or may not have happened.", "Run again: what happened is read back before anything else.", "errors"
    ),
    "SYN-410": Code("A record moved since it was planned.", "Run again: it is planned anew.", "errors"),
    "SYN-420": Code("The position in a change feed is lost.", "Run again: everything is read once.", "errors"),
    # 5xx: not understood
    "SYN-500": Code(
        "A system answered something that its documentation does not say.",
        "Report it with the evidence that --json shows; nothing more was sent.",
        "errors",
    ),
    "SYN-511": Code("A query named a field the user cannot see.", "Grant read access to the field.", "connectors"),
    # 6xx: held for a person
    "SYN-600": Code("The plan looks like an accident.", "See `syncline holds`.", "errors"),
    "SYN-610": Code(
        "An object that had records answers none. Nothing was taken from that answer and nothing deleted.",
        "Look at that system and at the connected user's rights; once records are back, the next run goes on.",
        "cli",
    ),
    "SYN-611": Code(
        "More actions of a kind than the ceiling allows.",
        "Look at them with `syncline plan`; `syncline approve DIGEST` lets exactly these through.",
        "cli",
    ),
    "SYN-620": Code(
        "Nobody has approved the plan. Nothing was written.",
        "Look at it with `syncline plan --show FILE`, then `syncline approve FILE`; or say --yes to do both at once.",
        "engine",
    ),
    "SYN-621": Code(
        "A plan was changed after it was sealed. Nothing was written.",
        "Seal a new one with `syncline plan --out`.",
        "engine",
    ),
    "SYN-622": Code(
        "A plan is another sync's or installation's, or the configuration has changed since. Nothing was written.",
        "Seal a new one with `syncline plan --out`.",
        "engine",
    ),
    # 7xx: our own state
    "SYN-700": Code("The state cannot be used.", "Do as the message says; nothing was sent.", "errors"),
    "SYN-701": Code(
        "Another process holds the state.",
        "Wait until it ends; `status` and `explain` work meanwhile.",
        "store cli runtime",
    ),
    "SYN-702": Code(
        "The state file is damaged: its content is not what was written.",
        "Put back a copy from before the damage, or move file and claim away to start anew: both systems are then "
        "read again and matched.",
        "runtime store",
    ),
    "SYN-703": Code(
        "The state cannot be written: the disk or a quota is full.", "Free space and run again.", "runtime store"
    ),
    "SYN-704": Code("The state was written by a newer release.", "Upgrade Syncline.", "store"),
    "SYN-705": Code(
        "The state cannot be opened or reached.", "Check its folder and rights, or the server and its login.", "store"
    ),
    "SYN-706": Code("The state was opened for reading only.", "Use a command that writes.", "store"),
    "SYN-707": Code("The file is not a state of Syncline.", "Name another file.", "store"),
    "SYN-708": Code("The state was written by an older release.", "Run a command that writes.", "store"),
    "SYN-709": Code(
        "The connection to the state was lost and could not be made again in time.",
        "Run again once the server is there: what was stored is known, nothing is done twice.",
        "store",
    ),
    "SYN-720": Code("What is to be written is there already.", "Name another place, or move it away first.", "store"),
    "SYN-721": Code(
        "A file cannot be restored: it is no backup, or not as it was written.",
        "Take another backup, or another copy of this one; nothing was made of it.",
        "store",
    ),
    "SYN-722": Code(
        "What was written is not what was read.",
        "Check the disk and memory of the machine; the copy was taken away, the original not touched.",
        "store",
    ),
    "SYN-711": Code(
        "The SQLite that comes with this Python is too old for workers.",
        "Install pysqlite3 beside Syncline (pip install pysqlite3), or use PostgreSQL, or Python 3.11.",
        "runtime",
    ),
    "SYN-712": Code(
        "The runtime's own database cannot be used.",
        "Check the folder and rights of the file `….runtime` beside the state, or the right to make a schema.",
        "runtime",
    ),
    "SYN-713": Code(
        "The runtime's own database does not answer at the moment.",
        "Nothing: workers try again; what was under way goes on from what was stored.",
        "runtime",
    ),
    # 9xx: ours
    "SYN-900": Code(
        "An invariant of ours broke.",
        "Report it with what --json shows; nothing more was sent, and the next run continues from the journal.",
        "errors runtime",
    ),
    "SYN-910": Code("A sandbox refused a step of the demo.", "Report it with what --json shows.", "demo"),
}
