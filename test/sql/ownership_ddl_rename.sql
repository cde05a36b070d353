-- Renames of governed tables, columns and schemas write a revision of their
-- own, so that the document stays true and the guard goes on.
-- Not about the migration gate.
SELECT spine.set_level('', 'NONE') \gset
SET client_min_messages = warning;
CREATE ROLE regress_rename_maker;
CREATE ROLE regress_rename_owner;
CREATE SCHEMA names AUTHORIZATION regress_rename_owner;
GRANT USAGE ON SCHEMA names TO regress_rename_maker;
GRANT CREATE ON DATABASE :DBNAME TO regress_rename_owner;
SET ROLE regress_rename_owner;
CREATE TABLE names.doc (id int PRIMARY KEY, state text NOT NULL DEFAULT 'draft', body text, price jsonb, amount int, version int NOT NULL DEFAULT 1,
    since timestamptz NOT NULL DEFAULT now(), size int);
CREATE TABLE names.line (doc int, n int, PRIMARY KEY (doc, n));
GRANT ALL ON names.doc, names.line TO regress_rename_maker;
CREATE FUNCTION names.fits(names.doc, names.doc) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT true';
RESET ROLE;
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}},
  "parties": {"maker": {"kind": "team", "role": "regress_rename_maker"}},
  "terms": {"pii": {"text": {}}},
  "contexts": {"names": {"owner": "maker", "schemas": ["names", "other"], "datasets": {"docs": {"relation": "names.doc", "sot": {"store": "main"}, "key": ["id"],
   "attributes": {"body": {"tags": ["pii:text"]}, "price.tax": {"description": "tax"}},
   "lifecycle": {"governing": "state", "entered_at": "since", "contention": {"version": {"attribute": "version", "mode": "auto"}},
    "states": {"draft": {"initial": true, "owner": "maker", "write": {"*": ["maker"], "price.tax": ["maker"], "body": ["maker"]}},
     "final": {"terminal": true, "write": {"body": []}}},
    "transitions": {"draft -> final": {"by": ["maker"], "guard": {"expression": "NEW.amount > 0 AND new.body IS DISTINCT FROM ''body'' AND OLD.\"amount\" >= 0", "function": "names.fits(names.doc,names.doc)"},
      "with_write": ["body"], "handoff": [{"snapshot": ["id", "price.tax"]}, {"freeze": ["body", "lines"]}]}},
    "invariants": {"sized": {"check": "amount IS NULL OR amount < 100"}, "known": {"not_null": ["amount"], "except_in": ["draft"]}},
    "children": {"lines": {"relation": "names.line", "via": ["doc"], "write": {"draft": ["maker"]}}}}}}}},
  "residency": {"bodies": {"dataset": "names.docs", "attribute": "body", "effect": "deny"}}}');
SET ROLE regress_rename_maker;
INSERT INTO names.doc (id, body, amount) VALUES (1, 'one', 1), (2, 'two', 0);

-- the owner renames one after the other
SET ROLE regress_rename_owner;
ALTER TABLE names.doc RENAME TO "Paper";
ALTER TABLE names.line RENAME COLUMN doc TO paper;
ALTER TABLE names."Paper" RENAME COLUMN id TO no;
ALTER TABLE names."Paper" RENAME COLUMN state TO phase;
ALTER TABLE names."Paper" RENAME COLUMN body TO "full text";
ALTER TABLE names."Paper" RENAME COLUMN price TO cost;
ALTER TABLE names."Paper" RENAME COLUMN amount TO "Sum";
ALTER TABLE names."Paper" RENAME COLUMN version TO edition;
ALTER TABLE names."Paper" RENAME COLUMN since TO entered;
ALTER TABLE names."Paper" RENAME COLUMN size TO length;
ALTER TABLE names.line RENAME TO row;
CREATE SCHEMA names2;
ALTER TABLE names.row SET SCHEMA names2;
ALTER TABLE names2.row RENAME COLUMN paper TO "Pa.per";
RESET ROLE;
SELECT rev, author, message FROM spine.revision ORDER BY rev;
SELECT jsonb_pretty(spine.export() -> 'contexts' -> 'names');
SELECT spine.export() -> 'residency';
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conname LIKE 'spine%' ORDER BY 1;
SELECT check_name, ok, detail FROM spine.health() WHERE check_name IN ('guards', 'relations', 'projection', 'functions');
SELECT count(*) FROM spine.plan(spine.export());

-- the rules are the same
SET ROLE regress_rename_owner;
GRANT USAGE ON SCHEMA names2 TO regress_rename_maker;
SET ROLE regress_rename_maker;
UPDATE names."Paper" SET no = 3 WHERE no = 1;						-- fails
UPDATE names."Paper" SET phase = 'final' WHERE no = 2;				-- fails: the guard
UPDATE names."Paper" SET phase = 'final' WHERE no = 1 RETURNING edition;
UPDATE names."Paper" SET "full text" = 'x' WHERE no = 1;			-- fails
INSERT INTO names2.row VALUES (1, 1);								-- fails: the parent is final
INSERT INTO names2.row VALUES (2, 1);
RESET ROLE;

-- a rename rolls back with its revision
BEGIN;
ALTER TABLE names."Paper" RENAME TO doc;
SELECT max(rev) FROM spine.revision;
ROLLBACK;
SELECT max(rev) FROM spine.revision;
-- what the document does not name writes none
CREATE SCHEMA elsewhere;
CREATE TABLE elsewhere.doc (id int);
ALTER TABLE elsewhere.doc RENAME COLUMN id TO no;
ALTER TABLE elsewhere.doc RENAME TO papers;
ALTER SCHEMA elsewhere RENAME TO nowhere;
ALTER SCHEMA nowhere OWNER TO regress_rename_owner;
SELECT max(rev) FROM spine.revision;
-- a schema that a context lists, with its tables
ALTER SCHEMA names RENAME TO "Names";
SELECT spine.export() #> '{contexts,names,datasets,docs,lifecycle,transitions,draft -> final,guard}' AS guard;
SELECT identity FROM spine.pin;
SELECT check_name, ok, detail FROM spine.health() WHERE check_name IN ('guards', 'relations', 'projection', 'functions');
SELECT spine.export() #> '{contexts,names,schemas}' AS schemas, spine.export() #>> '{contexts,names,datasets,docs,relation}' AS relation;
SELECT author, message FROM spine.revision ORDER BY rev DESC LIMIT 1;
-- a rule that cannot follow: its function is gone
DROP FUNCTION "Names".fits;
ALTER TABLE "Names"."Paper" RENAME COLUMN no TO id;		-- fails
SELECT spine.apply(spine.export('names.docs') #- '{contexts,names,datasets,docs,lifecycle,transitions,draft -> final,guard,function}') > 0 AS applied;
ALTER TABLE "Names"."Paper" RENAME COLUMN no TO id;
-- renames of a detached table are followed as well
SELECT spine.detach_all() > 0 AS detached;
ALTER TABLE "Names"."Paper" RENAME TO doc;
SELECT spine.export() #>> '{contexts,names,datasets,docs,relation}' AS relation;
