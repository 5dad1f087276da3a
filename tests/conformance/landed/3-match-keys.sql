PRAGMA application_id = 1398361667;
BEGIN TRANSACTION;
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE base (
	link_id INTEGER NOT NULL, 
	sync TEXT, 
	revision INTEGER, 
	canonicaliser INTEGER, 
	prints_a BLOB, 
	prints_b BLOB, 
	PRIMARY KEY (link_id)
)
 STRICT

;
INSERT INTO "base" VALUES(1000,'sync 1 "é''',1000,1000,X'0100FF',X'0100FF');
INSERT INTO "base" VALUES(2000,'sync 2 "é''',2000,2000,X'0200FF',X'0200FF');
INSERT INTO "base" VALUES(3000,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE binding (
	sync TEXT NOT NULL, 
	side TEXT NOT NULL, 
	connection TEXT NOT NULL, 
	PRIMARY KEY (sync, side)
)
 STRICT

;
INSERT INTO "binding" VALUES('sync 1 "é''','side 1 "é''','connection 1 "é''');
INSERT INTO "binding" VALUES('sync 2 "é''','side 2 "é''','connection 2 "é''');
INSERT INTO "binding" VALUES('sync 3 "é''','side 3 "é''','connection 3 "é''');
CREATE TABLE captured (
	run_id TEXT NOT NULL, 
	connection TEXT NOT NULL, 
	object_type TEXT NOT NULL, 
	page INTEGER NOT NULL, 
	verdict TEXT NOT NULL, 
	ids BLOB, 
	PRIMARY KEY (run_id, connection, object_type, page, verdict)
)
 STRICT

;
INSERT INTO "captured" VALUES('run_id 1 "é''','connection 1 "é''','object_type 1 "é''',1000,'verdict 1 "é''',X'0100FF');
INSERT INTO "captured" VALUES('run_id 2 "é''','connection 2 "é''','object_type 2 "é''',2000,'verdict 2 "é''',X'0200FF');
INSERT INTO "captured" VALUES('run_id 3 "é''','connection 3 "é''','object_type 3 "é''',3000,'verdict 3 "é''',NULL);
CREATE TABLE "conflict" (
	conflict_id TEXT NOT NULL, 
	sync TEXT, 
	link_id INTEGER, 
	mapping TEXT, 
	kind TEXT, 
	state TEXT, 
	policy TEXT, 
	reason TEXT, 
	winner_side TEXT, 
	value_a TEXT, 
	value_b TEXT, 
	at_us INTEGER, 
	run_id TEXT, 
	PRIMARY KEY (conflict_id)
)
 STRICT

;
INSERT INTO "conflict" VALUES('conflict_id 1 "é''','sync 1 "é''',1000,'mapping 1 "é''','kind 1 "é''','state 1 "é''','policy 1 "é''','reason 1 "é''','winner_side 1 "é''','value_a 1 "é''','value_b 1 "é''',1000,'run_id 1 "é''');
INSERT INTO "conflict" VALUES('conflict_id 2 "é''','sync 2 "é''',2000,'mapping 2 "é''','kind 2 "é''','state 2 "é''','policy 2 "é''','reason 2 "é''','winner_side 2 "é''','value_a 2 "é''','value_b 2 "é''',2000,'run_id 2 "é''');
INSERT INTO "conflict" VALUES('conflict_id 3 "é''',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE considered (
	run_id TEXT NOT NULL, 
	sync TEXT NOT NULL, 
	side TEXT NOT NULL, 
	object_type TEXT NOT NULL, 
	record_id TEXT NOT NULL, 
	link_id INTEGER, 
	seq INTEGER, 
	PRIMARY KEY (run_id, sync, side, object_type, record_id)
)
 STRICT

;
INSERT INTO "considered" VALUES('run_id 1 "é''','sync 1 "é''','side 1 "é''','object_type 1 "é''','record_id 1 "é''',1000,1000);
INSERT INTO "considered" VALUES('run_id 2 "é''','sync 2 "é''','side 2 "é''','object_type 2 "é''','record_id 2 "é''',2000,2000);
INSERT INTO "considered" VALUES('run_id 3 "é''','sync 3 "é''','side 3 "é''','object_type 3 "é''','record_id 3 "é''',NULL,NULL);
CREATE TABLE counter (
	name TEXT NOT NULL, 
	value INTEGER NOT NULL, 
	PRIMARY KEY (name)
)
 STRICT

;
INSERT INTO "counter" VALUES('name 1 "é''',1000);
INSERT INTO "counter" VALUES('name 2 "é''',2000);
INSERT INTO "counter" VALUES('name 3 "é''',3000);
CREATE TABLE cursor (
	connection TEXT NOT NULL, 
	object_type TEXT NOT NULL, 
	position TEXT, 
	fields TEXT, 
	rows_seen INTEGER, 
	at_us INTEGER, 
	PRIMARY KEY (connection, object_type)
)
 STRICT

;
INSERT INTO "cursor" VALUES('connection 1 "é''','object_type 1 "é''','position 1 "é''','fields 1 "é''',1000,1000);
INSERT INTO "cursor" VALUES('connection 2 "é''','object_type 2 "é''','position 2 "é''','fields 2 "é''',2000,2000);
INSERT INTO "cursor" VALUES('connection 3 "é''','object_type 3 "é''',NULL,NULL,NULL,NULL);
CREATE TABLE dead_letter (
	letter_id TEXT NOT NULL, 
	sync TEXT, 
	link_id INTEGER, 
	side TEXT, 
	object_type TEXT, 
	record_id TEXT, 
	mapping TEXT, 
	operation TEXT, 
	code TEXT, 
	message TEXT, 
	sent TEXT, 
	attempts INTEGER, 
	wakes_on TEXT, 
	wake_print INTEGER, 
	at_us INTEGER, 
	state TEXT, 
	PRIMARY KEY (letter_id)
)
 STRICT

;
INSERT INTO "dead_letter" VALUES('letter_id 1 "é''','sync 1 "é''',1000,'side 1 "é''','object_type 1 "é''','record_id 1 "é''','mapping 1 "é''','operation 1 "é''','code 1 "é''','message 1 "é''','sent 1 "é''',1000,'wakes_on 1 "é''',1000,1000,'state 1 "é''');
INSERT INTO "dead_letter" VALUES('letter_id 2 "é''','sync 2 "é''',2000,'side 2 "é''','object_type 2 "é''','record_id 2 "é''','mapping 2 "é''','operation 2 "é''','code 2 "é''','message 2 "é''','sent 2 "é''',2000,'wakes_on 2 "é''',2000,2000,'state 2 "é''');
INSERT INTO "dead_letter" VALUES('letter_id 3 "é''',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE described (
	connection TEXT NOT NULL, 
	object_type TEXT NOT NULL, 
	fields TEXT, 
	at_us INTEGER, 
	PRIMARY KEY (connection, object_type)
)
 STRICT

;
INSERT INTO "described" VALUES('connection 1 "é''','object_type 1 "é''','fields 1 "é''',1000);
INSERT INTO "described" VALUES('connection 2 "é''','object_type 2 "é''','fields 2 "é''',2000);
INSERT INTO "described" VALUES('connection 3 "é''','object_type 3 "é''',NULL,NULL);
CREATE TABLE dirty (
	sync TEXT NOT NULL, 
	link_id INTEGER NOT NULL, 
	side TEXT NOT NULL, 
	object_type TEXT NOT NULL, 
	record_id TEXT NOT NULL, 
	seq INTEGER, 
	due_us INTEGER, 
	PRIMARY KEY (sync, link_id, side, object_type, record_id)
)
 STRICT

;
INSERT INTO "dirty" VALUES('sync 1 "é''',1000,'side 1 "é''','object_type 1 "é''','record_id 1 "é''',1000,1000);
INSERT INTO "dirty" VALUES('sync 2 "é''',2000,'side 2 "é''','object_type 2 "é''','record_id 2 "é''',2000,2000);
INSERT INTO "dirty" VALUES('sync 3 "é''',3000,'side 3 "é''','object_type 3 "é''','record_id 3 "é''',NULL,NULL);
CREATE TABLE entry (
	batch_id TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	connection TEXT, 
	object_type TEXT, 
	record_id TEXT, 
	match_key TEXT, 
	link_id INTEGER, 
	state TEXT, 
	at_us INTEGER, 
	PRIMARY KEY (batch_id, position)
)
 STRICT

;
INSERT INTO "entry" VALUES('batch_id 1 "é''',1000,'connection 1 "é''','object_type 1 "é''','record_id 1 "é''','match_key 1 "é''',1000,'state 1 "é''',1000);
INSERT INTO "entry" VALUES('batch_id 2 "é''',2000,'connection 2 "é''','object_type 2 "é''','record_id 2 "é''','match_key 2 "é''',2000,'state 2 "é''',2000);
INSERT INTO "entry" VALUES('batch_id 3 "é''',3000,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE history (
	day TEXT, 
	connection TEXT, 
	object_type TEXT, 
	record_id TEXT, 
	at_us INTEGER, 
	cause TEXT, 
	actor TEXT, 
	run_id TEXT, 
	cells TEXT
)
 STRICT

;
INSERT INTO "history" VALUES('day 1 "é''','connection 1 "é''','object_type 1 "é''','record_id 1 "é''',1000,'cause 1 "é''','actor 1 "é''','run_id 1 "é''','cells 1 "é''');
INSERT INTO "history" VALUES('day 2 "é''','connection 2 "é''','object_type 2 "é''','record_id 2 "é''',2000,'cause 2 "é''','actor 2 "é''','run_id 2 "é''','cells 2 "é''');
INSERT INTO "history" VALUES(NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE hold (
	hold_id TEXT NOT NULL, 
	sync TEXT, 
	kind TEXT, 
	subject TEXT, 
	evidence TEXT, 
	digest TEXT, 
	state TEXT, 
	at_us INTEGER, 
	run_id TEXT, 
	PRIMARY KEY (hold_id)
)
 STRICT

;
INSERT INTO "hold" VALUES('hold_id 1 "é''','sync 1 "é''','kind 1 "é''','subject 1 "é''','evidence 1 "é''','digest 1 "é''','state 1 "é''',1000,'run_id 1 "é''');
INSERT INTO "hold" VALUES('hold_id 2 "é''','sync 2 "é''','kind 2 "é''','subject 2 "é''','evidence 2 "é''','digest 2 "é''','state 2 "é''',2000,'run_id 2 "é''');
INSERT INTO "hold" VALUES('hold_id 3 "é''',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE journal (
	batch_id TEXT NOT NULL, 
	sync TEXT, 
	run_id TEXT, 
	side TEXT, 
	connection TEXT, 
	object_type TEXT, 
	operation TEXT, 
	state TEXT, 
	prepared_us INTEGER, 
	sent_us INTEGER, 
	answered_us INTEGER, 
	origin TEXT, 
	fence INTEGER, 
	segment BLOB, 
	PRIMARY KEY (batch_id)
)
 STRICT

;
INSERT INTO "journal" VALUES('batch_id 1 "é''','sync 1 "é''','run_id 1 "é''','side 1 "é''','connection 1 "é''','object_type 1 "é''','operation 1 "é''','state 1 "é''',1000,1000,1000,'origin 1 "é''',1000,X'0100FF');
INSERT INTO "journal" VALUES('batch_id 2 "é''','sync 2 "é''','run_id 2 "é''','side 2 "é''','connection 2 "é''','object_type 2 "é''','operation 2 "é''','state 2 "é''',2000,2000,2000,'origin 2 "é''',2000,X'0200FF');
INSERT INTO "journal" VALUES('batch_id 3 "é''',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE keyring (
	name TEXT NOT NULL, 
	value BLOB NOT NULL, 
	PRIMARY KEY (name)
)
 STRICT

;
INSERT INTO "keyring" VALUES('name 1 "é''',X'0100FF');
INSERT INTO "keyring" VALUES('name 2 "é''',X'0200FF');
INSERT INTO "keyring" VALUES('name 3 "é''',X'0300FF');
CREATE TABLE link (
	link_id INTEGER NOT NULL, 
	sync TEXT, 
	state TEXT, 
	rule TEXT, 
	decided_us INTEGER, 
	evidence TEXT, 
	member_a INTEGER, 
	member_b INTEGER, 
	visible_a INTEGER, 
	visible_b INTEGER, 
	PRIMARY KEY (link_id)
)
 STRICT

;
INSERT INTO "link" VALUES(1000,'sync 1 "é''','state 1 "é''','rule 1 "é''',1000,'evidence 1 "é''',1,1,1,1);
INSERT INTO "link" VALUES(2000,'sync 2 "é''','state 2 "é''','rule 2 "é''',2000,'evidence 2 "é''',0,0,0,0);
INSERT INTO "link" VALUES(3000,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE link_end (
	sync TEXT NOT NULL, 
	side TEXT NOT NULL, 
	object_type TEXT NOT NULL, 
	record_id TEXT NOT NULL, 
	link_id INTEGER, 
	role TEXT, 
	PRIMARY KEY (sync, side, object_type, record_id)
)
 STRICT

;
INSERT INTO "link_end" VALUES('sync 1 "é''','side 1 "é''','object_type 1 "é''','record_id 1 "é''',1000,'role 1 "é''');
INSERT INTO "link_end" VALUES('sync 2 "é''','side 2 "é''','object_type 2 "é''','record_id 2 "é''',2000,'role 2 "é''');
INSERT INTO "link_end" VALUES('sync 3 "é''','side 3 "é''','object_type 3 "é''','record_id 3 "é''',NULL,NULL);
CREATE TABLE mark (
	link_id INTEGER NOT NULL, 
	mapping TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	detail TEXT, 
	at_us INTEGER, 
	PRIMARY KEY (link_id, mapping, kind)
)
 STRICT

;
INSERT INTO "mark" VALUES(1000,'mapping 1 "é''','kind 1 "é''','detail 1 "é''',1000);
INSERT INTO "mark" VALUES(2000,'mapping 2 "é''','kind 2 "é''','detail 2 "é''',2000);
INSERT INTO "mark" VALUES(3000,'mapping 3 "é''','kind 3 "é''',NULL,NULL);
CREATE TABLE match_key (
	sync TEXT NOT NULL, 
	side TEXT NOT NULL, 
	object_type TEXT NOT NULL, 
	record_id TEXT NOT NULL, 
	way INTEGER NOT NULL, 
	value TEXT, 
	PRIMARY KEY (sync, side, object_type, record_id, way)
)
 STRICT

;
INSERT INTO "match_key" VALUES('sync 1 "é''','side 1 "é''','object_type 1 "é''','record_id 1 "é''',1000,'value 1 "é''');
INSERT INTO "match_key" VALUES('sync 2 "é''','side 2 "é''','object_type 2 "é''','record_id 2 "é''',2000,'value 2 "é''');
INSERT INTO "match_key" VALUES('sync 3 "é''','side 3 "é''','object_type 3 "é''','record_id 3 "é''',3000,NULL);
CREATE TABLE meta (
	name TEXT NOT NULL, 
	value TEXT, 
	PRIMARY KEY (name)
)
 STRICT

;
INSERT INTO "meta" VALUES('name 1 "é''','value 1 "é''');
INSERT INTO "meta" VALUES('name 2 "é''','value 2 "é''');
INSERT INTO "meta" VALUES('name 3 "é''',NULL);
CREATE TABLE mirror (
	connection TEXT NOT NULL, 
	object_type TEXT NOT NULL, 
	record_id TEXT NOT NULL, 
	cells TEXT, 
	flags TEXT, 
	stamp_us INTEGER, 
	previous_stamp_us INTEGER, 
	actor TEXT, 
	created_us INTEGER, 
	is_deleted INTEGER, 
	as_of_us INTEGER, 
	previous_as_of_us INTEGER, 
	how TEXT, 
	PRIMARY KEY (connection, object_type, record_id)
)
 STRICT

;
INSERT INTO "mirror" VALUES('connection 1 "é''','object_type 1 "é''','record_id 1 "é''','cells 1 "é''','flags 1 "é''',1000,1000,'actor 1 "é''',1000,1,1000,1000,'how 1 "é''');
INSERT INTO "mirror" VALUES('connection 2 "é''','object_type 2 "é''','record_id 2 "é''','cells 2 "é''','flags 2 "é''',2000,2000,'actor 2 "é''',2000,0,2000,2000,'how 2 "é''');
INSERT INTO "mirror" VALUES('connection 3 "é''','object_type 3 "é''','record_id 3 "é''',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE moment (
	connection TEXT NOT NULL, 
	object_type TEXT NOT NULL, 
	record_id TEXT NOT NULL, 
	field TEXT NOT NULL, 
	at_us INTEGER NOT NULL, 
	actor TEXT, 
	origin TEXT, 
	old TEXT, 
	new TEXT, 
	is_person INTEGER
)
 STRICT

;
INSERT INTO "moment" VALUES('connection 1 "é''','object_type 1 "é''','record_id 1 "é''','field 1 "é''',1000,'actor 1 "é''','origin 1 "é''','old 1 "é''','new 1 "é''',1);
INSERT INTO "moment" VALUES('connection 2 "é''','object_type 2 "é''','record_id 2 "é''','field 2 "é''',2000,'actor 2 "é''','origin 2 "é''','old 2 "é''','new 2 "é''',0);
INSERT INTO "moment" VALUES('connection 3 "é''','object_type 3 "é''','record_id 3 "é''','field 3 "é''',3000,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE receipt (
	run_id TEXT NOT NULL, 
	connection TEXT NOT NULL, 
	object_type TEXT NOT NULL, 
	page INTEGER NOT NULL, 
	ids BLOB, 
	PRIMARY KEY (run_id, connection, object_type, page)
)
 STRICT

;
INSERT INTO "receipt" VALUES('run_id 1 "é''','connection 1 "é''','object_type 1 "é''',1000,X'0100FF');
INSERT INTO "receipt" VALUES('run_id 2 "é''','connection 2 "é''','object_type 2 "é''',2000,X'0200FF');
INSERT INTO "receipt" VALUES('run_id 3 "é''','connection 3 "é''','object_type 3 "é''',3000,NULL);
CREATE TABLE run (
	run_id TEXT NOT NULL, 
	sync TEXT, 
	kind TEXT, 
	state TEXT, 
	started_us INTEGER, 
	ended_us INTEGER, 
	summary TEXT, 
	PRIMARY KEY (run_id)
)
 STRICT

;
INSERT INTO "run" VALUES('run_id 1 "é''','sync 1 "é''','kind 1 "é''','state 1 "é''',1000,1000,'summary 1 "é''');
INSERT INTO "run" VALUES('run_id 2 "é''','sync 2 "é''','kind 2 "é''','state 2 "é''',2000,2000,'summary 2 "é''');
INSERT INTO "run" VALUES('run_id 3 "é''',NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE verdict (
	run_id TEXT NOT NULL, 
	sync TEXT NOT NULL, 
	side TEXT NOT NULL, 
	object_type TEXT NOT NULL, 
	record_id TEXT NOT NULL, 
	class TEXT, 
	reason TEXT, 
	PRIMARY KEY (run_id, sync, side, object_type, record_id)
)
 STRICT

;
INSERT INTO "verdict" VALUES('run_id 1 "é''','sync 1 "é''','side 1 "é''','object_type 1 "é''','record_id 1 "é''','class 1 "é''','reason 1 "é''');
INSERT INTO "verdict" VALUES('run_id 2 "é''','sync 2 "é''','side 2 "é''','object_type 2 "é''','record_id 2 "é''','class 2 "é''','reason 2 "é''');
INSERT INTO "verdict" VALUES('run_id 3 "é''','sync 3 "é''','side 3 "é''','object_type 3 "é''','record_id 3 "é''',NULL,NULL);
CREATE INDEX ix_conflict_sync_link_id ON "conflict" (sync, link_id);
CREATE INDEX ix_dead_letter_sync_link_id ON dead_letter (sync, link_id);
CREATE INDEX ix_dirty_linked ON dirty (sync, seq, due_us) WHERE link_id <> 0;
CREATE INDEX ix_dirty_unlinked ON dirty (sync, seq, due_us) WHERE link_id = 0;
CREATE INDEX ix_entry_connection_object_type_record_id ON entry (connection, object_type, record_id);
CREATE INDEX ix_entry_state_connection ON entry (state, connection);
CREATE UNIQUE INDEX uq_entry_match_key_in_flight ON entry (connection, object_type, match_key) WHERE state IN ('prepared', 'sent', 'unknown') AND match_key IS NOT NULL;
CREATE UNIQUE INDEX uq_entry_record_id_in_flight ON entry (connection, object_type, record_id) WHERE state IN ('prepared', 'sent', 'unknown') AND record_id IS NOT NULL;
CREATE INDEX ix_history_connection_object_type_record_id ON history (connection, object_type, record_id);
CREATE INDEX ix_hold_sync_state ON hold (sync, state);
CREATE INDEX ix_journal_sync_state ON journal (sync, state);
CREATE INDEX ix_link_sync ON link (sync);
CREATE INDEX ix_link_end_link_id ON link_end (link_id);
CREATE INDEX ix_match_key_sync_way_value ON match_key (sync, way, value);
CREATE INDEX ix_run_sync_started_us ON run (sync, started_us);
CREATE UNIQUE INDEX uq_moment ON moment (connection, object_type, record_id, field, at_us, coalesce(new, ''), (new IS NULL));
COMMIT;
