"""The defects that are planted one by one, what each would cost a user, and the tests that must find it.

A list, in the order of the way a change travels. docs/explanation/planted-defects.md is made from it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """In *module*, *old* (which occurs once) becomes *new*. *costs* says what a user would lose; *found_by* are the
    tests that must fail."""

    name: str
    costs: str
    module: str
    old: str
    new: str
    found_by: tuple[str, ...]

    def planted_in(self, text: str) -> str:
        """The module's source with the defect. Raises ValueError unless its place is there exactly once."""
        if text.count(self.old) != 1:
            raise ValueError(f"{self.name}: its place occurs {text.count(self.old)} times in {self.module}")
        return text.replace(self.old, self.new)


FAULTS = "tests/engine/test_faults.py"
AGREEMENT = "tests/engine/test_agreement.py"
CONVERSIONS = "tests/engine/test_conversions.py"
MERGERS = "tests/engine/test_mergers.py"
TOMBSTONES = "tests/engine/test_tombstones.py"
UNDER_WAY = "tests/engine/test_ends_under_way.py"
UNITS = "tests/engine/test_units.py"
STREAM = "tests/engine/test_stream.py"

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        name="cursor before rows",
        costs="changes read just before a crash are never read again",
        module="syncline.engine.observe",
        old="            commit.put[Table.CURSOR] = cursor_row(world, report, page.next_cursor, fields, rows_seen)",
        new="            early = cursor_row(world, report, page.next_cursor, fields, rows_seen)\n"
        "            await world.store.commit(Commit(put={Table.CURSOR: early}))",
        found_by=("tests/engine/test_cursor.py",),
    ),
    Mutant(
        name="> for >= on stamps",
        costs="of two changes within one second the second one is taken for an older one and dropped",
        module="syncline.reconcile.absorb",
        old='            .when(both & (stamp < old_stamp))\n            .then(pl.lit("older"))',
        new='            .when(both & (stamp <= old_stamp))\n            .then(pl.lit("older"))',
        found_by=("tests/unit/test_absorb.py",),
    ),
    Mutant(
        name="older over newer",
        costs="a late page puts an old value back over a new one",
        module="syncline.reconcile.absorb",
        old='            .when(both & (stamp < old_stamp))\n            .then(pl.lit("older"))',
        new='            .when(both & (stamp < old_stamp))\n            .then(pl.lit("newer"))',
        found_by=("tests/unit/test_absorb.py",),
    ),
    Mutant(
        name="empty side believed",
        costs="a source that is empty for an hour looks like everybody's end",
        module="syncline.engine.observe",
        old="        if known and not seen and not page.has_more:",
        new="        if not known and not seen and not page.has_more:",
        found_by=("tests/bad_input/test_systems.py::test_a_side_that_was_full_and_shows_nothing_any_more",),
    ),
    Mutant(
        name="hidden is empty",
        costs="a field that the sync user may no longer read is emptied on the other side",
        module="syncline.engine.sides",
        old="    wide = wide.with_columns(kinds)\n",
        new="    ends = [(CELL + m.ends(side)[object_type].inputs[0], f'k.{m.key}') for m in maps]\n"
        "    wide = wide.with_columns(kinds)\n"
        "    gone = {k: pl.col(k) == HIDDEN for _, k in ends}\n"
        "    blank = [pl.when(gone[k]).then(pl.lit('')).otherwise(c).alias(c) for c, k in ends]\n"
        "    wide = wide.with_columns(blank)\n"
        "    wide = wide.with_columns(pl.when(gone[k]).then(USABLE).otherwise(k).alias(k) for _, k in ends)\n",
        found_by=(
            "tests/scenarios/test_fields_come_and_go.py::test_a_field_that_goes_out_of_sight_stops_and_keeps_its_data[recommended]",
        ),
    ),
    Mutant(
        name="echo taken for an edit",
        costs="our own writes come back as somebody's changes",
        module="syncline.reconcile.settle",
        old='        .then(pl.lit("echo"))',
        new='        .then(pl.lit("foreign"))',
        found_by=("tests/unit/test_settle.py",),
    ),
    Mutant(
        name="late write taken for an edit",
        costs="an old write of ours that arrives late overwrites both sides",
        module="syncline.reconcile.settle",
        old='        .then(pl.lit("late_own"))',
        new='        .then(pl.lit("foreign"))',
        found_by=("tests/unit/test_settle.py",),
    ),
    Mutant(
        name="blind resend",
        costs="a write whose reply was lost is sent again at once: duplicates, and edits overwritten",
        module="syncline.engine.outcomes",
        old='Status.UNKNOWN: "unknown"}',
        new='Status.UNKNOWN: "rejected"}',
        found_by=(f"{FAULTS}::test_a_late_write_of_ours_is_nobodys_edit",),
    ),
    Mutant(
        name="two writes in flight",
        costs="two writes to one record whose order nobody knows",
        module="syncline.engine.awaited",
        old="    taken = {row.action for row in batch.rows if row.slot in slots}",
        new="    taken = {row.action for row in batch.rows if row.slot in slots and row.is_second_try}",
        found_by=(f"{FAULTS}::test_a_create_that_may_still_arrive_is_not_repeated",),
    ),
    Mutant(
        name="what a write in doubt replaces is copied",
        costs="along with a field of its group, an old value goes over the newer one it was replaced by",
        module="syncline.engine.awaited",
        old="    if in_doubt.is_empty():",
        new="    if len(in_doubt) >= 0:",
        found_by=(f"{FAULTS}::test_what_a_write_in_doubt_is_to_replace_goes_nowhere_with_its_group",),
    ),
    Mutant(
        name="a look that cannot be ordered lets a write go",
        costs="what the reading just before the write shows is written over, and kept nowhere",
        module="syncline.engine.contended",
        old="        doubted = _doubted(world, batch.connection, known, page)",
        new="        doubted = _doubted(world, batch.connection, known.clear(), page)",
        found_by=(f"{FAULTS}::test_a_reading_that_cannot_be_ordered_stops_the_write_that_would_go_over_it",),
    ),
    Mutant(
        name="a stale plan is sent",
        costs="what the other lane just wrote is written over by an older plan",
        module="syncline.engine.write",
        old="        gone = await moved(world, sync, batch)",
        new="        gone: frozenset[str] = frozenset()",
        found_by=(f"{AGREEMENT}::test_a_plan_that_another_lane_overtook_is_not_sent",),
    ),
    Mutant(
        name="loser not kept",
        costs="the losing value of a conflict is nowhere",
        module="syncline.engine.batches",
        old="    if len(losers):\n        add_rows(commit, Table.CONFLICT, losers)",
        new="    if len(losers) > len(links):\n        add_rows(commit, Table.CONFLICT, losers)",
        found_by=(f"{AGREEMENT}::test_the_losing_value_of_a_conflict_is_kept",),
    ),
    Mutant(
        name="a refusal moves the base",
        costs="a value that was refused is never sent again",
        module="syncline.engine.outcomes",
        old="if o.status in (Status.WRITTEN, Status.UNCHANGED) and o.record_id]",
        new="if o.record_id or row.write.record_id]",
        found_by=(f"{FAULTS}::test_compare_and_set_leaves_an_edit_made_meanwhile_alone",),
    ),
    Mutant(
        name="a newer mark is cleared",
        costs="a change that arrives while its record is planned is never looked at",
        module="syncline.store.statements",
        old='dirty.c.seq <= _given("seq")',
        new='dirty.c.seq <= _given("seq") + sa.literal_column("1000000")',
        found_by=("tests/conformance/test_store_reading.py::test_clean_spares_a_mark_that_was_touched_meanwhile",),
    ),
    Mutant(
        name="ceilings open",
        costs="a mistake in a filter empties or creates thousands of records",
        module="syncline.reconcile.plan",
        old="        if counts[kind] + spent.get(kind, 0) <= allowed:",
        new="        if allowed >= 0:",
        found_by=("tests/unit/test_plan.py",),
    ),
    Mutant(
        name="consent loosens",
        costs="somebody who opted out gets mail again",
        module="syncline.reconcile.merge_policies",
        old="loosens = {s: judged & protects[other(s)] & ~protects[s] for s in SIDES}",
        new="loosens = {s: judged & protects[s] & ~protects[s] for s in SIDES}",
        found_by=("tests/unit/test_merge_table.py",),
    ),
    Mutant(
        name="ambiguous is the first one",
        costs="one of two people with the same address gets the other's data",
        module="syncline.reconcile.match",
        old='unique = (pl.col("n_b").sum().over("a") == 1) & (pl.col("n_a").sum().over("b") == 1)',
        new='unique = (pl.int_range(pl.len()).over("a") == 0) & (pl.int_range(pl.len()).over("b") == 0)',
        found_by=("tests/unit/test_match.py",),
    ),
    Mutant(
        name="HTTP 200 believed",
        costs="an error inside an answer that looks successful counts as written",
        module="syncline.connectors.marketo.errors",
        old="    if verdict.success:",
        new="    if verdict.success or not verdict.errors or len(body) > 0:",
        found_by=("tests/connectors/test_marketo.py::test_check_names_every_missing_permission_and_changes_nothing",),
    ),
    Mutant(
        name="a refused row in a good answer",
        costs="a record that was refused inside a successful call counts as written",
        module="syncline.connectors.salesforce.write",
        old='        return refusal(vendor_errors(result.get("errors") or []), write.record_id)',
        new="        return Outcome(status=Status.WRITTEN, record_id=write.record_id)",
        found_by=("tests/connectors/test_salesforce.py::test_every_row_has_its_own_outcome_in_order",),
    ),
    Mutant(
        name="the breaker never trips",
        costs="two writers overwrite each other for ever, and every round costs calls",
        module="syncline.engine.breaker",
        old='        if row["times"] >= sync.breaker_times',
        new='        if row["times"] < 0',
        found_by=("tests/engine/test_breaker.py::test_a_fight_is_frozen_and_thaws[rich]",),
    ),
    Mutant(
        name="one spelling for both sides",
        costs="a value that one side normalises is written again in every run",
        module="syncline.reconcile.settle",
        old='        .when((pl.col("same_call") | is_own) & pl.col("_explained"))',
        new='        .when((pl.col("same_call") & is_own) & pl.col("_explained") & pl.col("value").is_null())',
        found_by=(f"{AGREEMENT}::test_another_spelling_of_what_we_wrote_stays_where_it_is",),
    ),
    Mutant(
        name="a lost row is not missed",
        costs="a row that was received and forgotten leaves a green run",
        module="syncline.engine.laws",
        old="    received = page.rows[records.ID].to_list()",
        new='    received = result.verdicts["record_id"].to_list()',
        found_by=("tests/engine/test_laws.py",),
    ),
    Mutant(
        name="no overlap",
        costs="a change that is committed late, behind the cursor, is never read",
        module="syncline.connectors.salesforce.read",
        old="        start_us = cursor.since_us - int(OVERLAP_SECONDS * 1_000_000)",
        new="        start_us = cursor.since_us",
        found_by=("tests/connectors/test_salesforce.py::test_a_change_committed_late_is_found_behind_the_position",),
    ),
    Mutant(
        name="alias not followed",
        costs="the winner of a merge that was merged itself is not found: its person is cut off",
        module="syncline.reconcile.succession",
        old="    while name in heir_of:",
        new="    if name in heir_of:",
        found_by=("tests/unit/test_succession.py",),
    ),
    Mutant(
        name="tombstone ignored",
        costs="a deleted person's link goes on as if nothing had happened",
        module="syncline.engine.life.tombstones",
        old='append(ids.with_columns(pl.lit("tombstone").alias("state")))',
        new='append(ids.with_columns(pl.lit("live").alias("state")))',
        found_by=(f"{TOMBSTONES}::test_flag_tells_the_other_side_once_and_nothing_else_flows",),
    ),
    Mutant(
        name="base kept across a conversion",
        costs="what the conversion changed never reaches the other side",
        module="syncline.reconcile.succession",
        old='    is_same = (pl.col("old") == pl.col("new")).fill_null(False)',
        new='    is_same = pl.col("mapping") == mapping.key',
        found_by=("tests/unit/test_succession.py",),
    ),
    Mutant(
        name="a fresh contact says no",
        costs="the blanks and false flags of a contact just made empty the other side and lift its opt-out",
        module="syncline.reconcile.succession",
        old='    return pl.col("new").is_in(sorted(fresh))',
        new='    return pl.col("new").is_in(sorted(fresh)) & pl.col("new").is_null()',
        found_by=("tests/unit/test_succession.py",),
    ),
    Mutant(
        name="score added twice",
        costs="a merge makes the better score of two records still better",
        module="syncline.reconcile.one_person",
        old="    Combine.SUM: lambda one, two: one + two,",
        new="    Combine.SUM: lambda one, two: one + two + two,",
        found_by=("tests/unit/test_one_person.py",),
    ),
    Mutant(
        name="merged is deleted",
        costs="the loser of a merge is taken for a deleted person, and the policy for deletes falls on its twin",
        module="syncline.engine.life.step",
        old="    if last is not None and last != name:\n        if last[0] not in",
        new='    if last is not None and last != name and row["fate"] != "merged":\n        if last[0] not in',
        found_by=(f"{MERGERS}::test_a_merge_is_done_on_the_other_side_as_well[a]",),
    ),
    Mutant(
        name="consent loosened by a merge",
        costs="whoever opted out gets mail again once he is merged into somebody who did not",
        module="syncline.reconcile.one_person",
        old="and m.restrictive in (winner, loser):",
        new="and m.restrictive == winner:",
        found_by=("tests/unit/test_one_person.py",),
    ),
    Mutant(
        name="losers of a merge not kept",
        costs="what the loser of a merge held is nowhere",
        module="syncline.reconcile.one_person",
        old="        and value != after.get(m.key)",
        new="        and value == after.get(m.key)",
        found_by=("tests/unit/test_one_person.py",),
    ),
    Mutant(
        name="a merge brings the dead back",
        costs="a person who was deleted after he won a merge takes part again",
        module="syncline.engine.life.union",
        old="    if is_there and (ended is None or ended.side == side):",
        new="    if is_there:",
        found_by=(f"{UNDER_WAY}::test_a_winner_deleted_before_the_merge_on_the_other_side_stays_deleted",),
    ),
    Mutant(
        name="undelete loses the base",
        costs="after an undelete old values win as if they were new",
        module="syncline.engine.life.successions",
        old="    drop_rows(commit, Table.MARK, stale)",
        new="    drop_rows(commit, Table.MARK, stale)\n    drop_rows(commit, Table.BASE, ids)",
        found_by=(f"{TOMBSTONES}::test_an_undelete_lifts_the_tombstone_with_the_old_bases[a]",),
    ),
    Mutant(
        name="relink ignores the tombstone",
        costs="somebody who comes back is held for ever, or made a second time",
        module="syncline.engine.matching",
        old='    return ends.select((pl.col("role") == "current") & pl.col("link_id")',
        new='    return ends.select((pl.col("role") == "") & pl.col("link_id")',
        found_by=("tests/engine/test_linked_again.py",),
    ),
    Mutant(
        name="a delete without the ceiling",
        costs="a purge of a whole list on one side is repeated on the other at once",
        module="syncline.engine.ceilings",
        old="held = gate(gist, sync.ceilings,",
        new='held = gate(gist.filter(pl.col("kind") != "delete"), sync.ceilings,',
        found_by=(f"{TOMBSTONES}::test_deletes_above_the_ceiling_wait_and_the_rest_goes_on",),
    ),
    Mutant(
        name="an edit dies with the record",
        costs="a change made on one side before the delete on the other is lost without a word",
        module="syncline.engine.life.tombstones",
        old="    if changed.get(grave.link_id):\n        return Then.HELD, grave.why",
        new="    if changed.get(-grave.link_id):\n        return Then.HELD, grave.why",
        found_by=(f"{TOMBSTONES}::test_an_edit_before_the_delete_is_a_conflict_whatever_the_policy[flag-a]",),
    ),
    Mutant(
        name="waiting for the dead",
        costs="a lost answer about a record that is gone leaves every later run unfinished",
        module="syncline.engine.write",
        old="        if page is not None and page.missing:",
        new="        if page is not None and not page.missing:",
        found_by=(f"{UNDER_WAY}::test_an_update_without_an_answer_to_a_record_that_was_purged_is_given_up[rich]",),
    ),
    Mutant(
        name="opt-out not spread",
        costs="of two records with one e-mail address one says no and the other one yes",
        module="syncline.engine.shared",
        old='    beside = [link_id for link_id in crowd["link_id"].unique() if link_id not in known]',
        new='    beside = [link_id for link_id in crowd["link_id"].unique() if link_id < 0 and link_id not in known]',
        found_by=("tests/engine/test_shared.py::test_a_person_s_opt_in_clears_it_for_everybody",),
    ),
    Mutant(
        name="a new address opts in",
        costs="whoever changes his e-mail address is subscribed again",
        module="syncline.reconcile.consent",
        old='(pl.col("is_human") & ~(is_consent & follows)).alias("is_human")',
        new='(pl.col("is_human") & ~(is_consent & follows & pl.lit(False))).alias("is_human")',
        found_by=("tests/unit/test_consent.py",),
    ),
    Mutant(
        name="an erased person comes back",
        costs="somebody who was erased on request is taken in again with the next page",
        module="syncline.engine.erased",
        old="    return _without(page, by_id | strangers)",
        new="    return _without(page, by_id)",
        found_by=("tests/engine/test_erase.py::test_the_person_is_neither_taken_in_nor_created_again",),
    ),
    Mutant(
        name="undo not guarded",
        costs="an undo overwrites what somebody changed since",
        module="syncline.engine.reversal",
        old='(~pl.col("_still"), "it was changed since")',
        new='(pl.lit(False), "it was changed since")',
        found_by=("tests/engine/test_undo.py::test_a_field_changed_since_is_left_and_listed",),
    ),
    Mutant(
        name="fence not checked at commit",
        costs="a worker that was taken for dead stores what its successor has long settled otherwise",
        module="syncline.store.sqlite",
        old="    leases.require(connection, commit.fences)\n",
        new="",
        found_by=("tests/conformance/test_store_leases.py",),
    ),
    Mutant(
        name="lease taken while it lasts",
        costs="two workers do the same work at the same time",
        module="syncline.store.leases",
        old='held.holder not in ("", holder) and held.expires_us > now_us',
        new='held.holder not in ("", holder) and held.expires_us < 0',
        found_by=("tests/conformance/test_store_leases.py",),
    ),
    Mutant(
        name="sent after the lease passed on",
        costs="a worker that stood still writes over what its successor wrote meanwhile",
        module="syncline.engine.world",
        old="            await self.tenure.keep()",
        new="            self.tenure.fence",
        found_by=(f"{UNITS}::test_nobody_sends_once_the_lease_has_passed_on",),
    ),
    Mutant(
        name="journal without a fence",
        costs="what another worker is just sending is taken for lost",
        module="syncline.engine.batches",
        old='        "fence": world.fence,',
        new='        "fence": 0,',
        found_by=(f"{UNITS}::test_what_a_living_worker_has_in_flight_is_not_unknown",),
    ),
    Mutant(
        name="a living worker's writes are unknown",
        costs="a write on its way is settled by somebody else as never made",
        module="syncline.engine.tenure",
        old='(pl.col("holder") != "") & (pl.col("expires_us") > now_us)',
        new='(pl.col("holder") != "") & (pl.col("expires_us") < 0)',
        found_by=(f"{UNITS}::test_what_a_living_worker_has_in_flight_is_not_unknown",),
    ),
    Mutant(
        name="a dead worker's writes are nobody's",
        costs="what was in flight when a worker died is never looked at again: its records are stuck for ever",
        module="syncline.engine.tenure",
        old='    return journals.filter(pl.col("fence").is_in(fences))',
        new='    return journals.filter(pl.col("fence").is_in(fences) | (pl.col("fence") > 0))',
        found_by=(f"{UNITS}::test_what_a_living_worker_has_in_flight_is_not_unknown",),
    ),
    Mutant(
        name="a lease outlives its end",
        costs="the work of a worker that died is never taken over",
        module="syncline.store.leases",
        old="held.expires_us > now_us",
        new="held.expires_us > 0",
        found_by=("tests/conformance/test_store_leases.py",),
    ),
    Mutant(
        name="a ceiling for each share",
        costs="several shares of one cycle create several times as much as the ceiling allows",
        module="syncline.engine.ceilings",
        old='"kinds": kinds})',
        new='"kinds": {}})',
        found_by=(f"{UNITS}::test_the_shares_of_a_cycle_have_one_ceiling_together",),
    ),
    Mutant(
        name="an event over a later read",
        costs="an event that comes late puts an old value back over one that was read since",
        module="syncline.reconcile.events",
        old='            return "newer" if event.committed_us > asked_us else "unordered"',
        new='            return "newer"',
        found_by=(STREAM,),
    ),
    Mutant(
        name="a stream's position before its effects",
        costs="events that came just before a crash are never taken in",
        module="syncline.engine.stream",
        old="        if not folded:",
        new="        if row.height:",
        found_by=(f"{STREAM}::test_position_and_effects_are_stored_together",),
    ),
    Mutant(
        name="a gap ignored",
        costs="events that the vendor left out are missed until the next poll comes round",
        module="syncline.engine.stream",
        old="if share.news.is_overflown]",
        new="if share.news.is_overflown and not share.fields]",
        found_by=(STREAM,),
    ),
)
