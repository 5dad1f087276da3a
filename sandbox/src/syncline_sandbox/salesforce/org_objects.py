"""What an org's administrator adds to its objects, in one place for the org: roll-ups, custom objects, record types.

Lives here: putting these rooms together and taking them up after a restart. Each is in a module of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .campaign_rules import settings
from .dml import Dml
from .grants import Grants
from .ids import IdSource
from .org_fields import OrgFields
from .record_types import RecordTypes
from .rollups import Rollup, Rollups
from .schema import Schema
from .sharing import Sharing
from .standard_campaigns import ROLLUPS as CAMPAIGN_ROLLUPS
from .storage import Storage
from .transactions import Transactions

STAYING = ("objects", "fields", "record_types")
"""What an administrator added that a reset leaves there: names of kept values."""


class OrgObjects:
    """The administrator's rooms of one org."""

    def __init__(self, schema: Schema, storage: Storage, ids: IdSource, transactions: Transactions, dml: Dml) -> None:
        self.rollups = Rollups(schema, storage, transactions.stamp_of_writes, dml.touched)
        for column, child, expression, condition in CAMPAIGN_ROLLUPS:
            rollup = Rollup(
                parent="Campaign",
                column=column,
                child=child,
                reference="CampaignId",
                expression=expression,
                condition=condition,
            )
            self.rollups.install(rollup)
        self.fields = OrgFields(schema, storage, self.rollups)
        self.grants = Grants(schema, storage, self.fields.specifications)
        self.sharing = Sharing(schema, storage)
        self.record_types = RecordTypes(schema, storage, ids, transactions.stamp)
        self._schema = schema
        self._storage = storage
        self._open_statuses()
        self.grants.prepare()
        storage.before_commit += [self.rollups.settle, self.grants.settle]

    def take_up(self) -> None:
        """Put in force what an earlier process stored."""
        self.fields.take_up()
        self.record_types.take_up()
        self.sharing.load()
        self.grants.refresh()

    def set_campaigns(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Change the switches of campaigns; answers all of them."""
        now = {**settings(self._storage), **changes}
        with self._storage.transaction():
            self._storage.keep("campaign_settings", now)
        self._open_statuses()
        return now

    def _open_statuses(self) -> None:
        statuses = self._schema.sobject("CampaignMemberStatus")
        assert statuses is not None
        statuses.createable = statuses.deletable = bool(settings(self._storage)["statuses_writable"])

    def start_over(self) -> None:
        """Make what the rooms need in a database that was just emptied."""
        self.rollups.prepare()
        self.grants.prepare()
        self._open_statuses()
