-- path: SET ACCESS METHOD, CLUSTER, VACUUM FULL, REINDEX
-- group: definitions
-- as: table_owner
-- expect: harmless
-- note: They copy rows as they are.
ALTER TABLE bp.plain SET ACCESS METHOD heap;
CLUSTER bp.plain USING plain_pkey;
VACUUM FULL bp.plain;
REINDEX TABLE bp.plain;
