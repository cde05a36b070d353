-- audit: how far the outbox has been announced.

-- State of this database and its transaction numbers: no dump carries it, and
-- what was written before this moment (in another database, by a restore) is
-- not announced.
CREATE TABLE spine.outbox_progress (
    consumer  text        NOT NULL,
    part      text        NOT NULL,
    since     timestamptz NOT NULL,
    seen      pg_catalog.pg_snapshot NOT NULL,
    from_page bigint      NOT NULL DEFAULT 0,
    ran_at    timestamptz NOT NULL DEFAULT pg_catalog.now(),
    page_lsn  pg_lsn      NOT NULL DEFAULT '0/0',
    next_lsn  pg_lsn      NOT NULL DEFAULT '0/0',
    next_xid  xid8        NOT NULL DEFAULT '0',
    PRIMARY KEY (consumer, part)
) WITH (fillfactor = 50);
REVOKE ALL ON spine.outbox_progress FROM PUBLIC;
GRANT SELECT ON spine.outbox_progress TO spine_admin;
COMMENT ON TABLE spine.outbox_progress IS
    'Up to which snapshot the job "signals" has announced the outbox, its last pages and those in front';

-- All that this transaction and later ones write.
INSERT INTO spine.outbox_progress (consumer, part, since, seen)
    SELECT 'signals', p.part, pg_catalog.now(),
           pg_catalog.format('%1$s:%1$s:', pg_catalog.pg_current_xact_id())::pg_catalog.pg_snapshot
      FROM (VALUES ('tail'), ('head')) p(part);
