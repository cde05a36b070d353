-- consistency: digests that look only at what changed since the last one.

CREATE FUNCTION spine.digest_incremental(relation regclass, columns text[] DEFAULT NULL,
                                         buckets int DEFAULT 1)
    RETURNS TABLE (bucket int, rows bigint, digest text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'spine_digest_incremental';
COMMENT ON FUNCTION spine.digest_incremental(regclass, text[], int) IS
    'What spine.digest gives, by a cache of what pages add to it: looks only at pages that changed (docs/incremental.md)';

CREATE FUNCTION spine.last_incremental()
    RETURNS TABLE (relation regclass, method text, reason text, pages bigint, pages_visited bigint,
                   rows_hashed bigint, rows_reused bigint, wal_bytes bigint)
    LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'spine_last_incremental';
COMMENT ON FUNCTION spine.last_incremental() IS
    'How the last spine.digest_incremental of this session went: method none, wal, sweep, build or full, and why no cheaper one';

CREATE FUNCTION spine.warm_digest(relation regclass, columns text[] DEFAULT NULL, pages int DEFAULT 8192)
    RETURNS TABLE (pages_done bigint, pages_total bigint)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'spine_warm_digest';
COMMENT ON FUNCTION spine.warm_digest(regclass, text[], int) IS
    'Make the page cache of a relation piece by piece, so many pages at a time; call it until done is total';

CREATE FUNCTION spine.scrub_digest(relation regclass, columns text[] DEFAULT NULL)
    RETURNS TABLE (pages bigint, wrong bigint)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'spine_scrub_digest';
COMMENT ON FUNCTION spine.scrub_digest(regclass, text[]) IS
    'Compare every row of a relation with its page cache, which is removed if one differs';

CREATE FUNCTION spine.page_cache()
    RETURNS TABLE (relation regclass, pages bigint, rows bigint, unsettled bigint, bytes bigint, lsn pg_lsn)
    LANGUAGE c VOLATILE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'spine_page_cache';
COMMENT ON FUNCTION spine.page_cache() IS
    'Page caches of this database, of tables that the caller may read';

CREATE FUNCTION spine.clean_page_cache() RETURNS int
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'spine_clean_page_cache';
REVOKE ALL ON FUNCTION spine.clean_page_cache() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION spine.clean_page_cache() TO spine_steward, spine_admin;
COMMENT ON FUNCTION spine.clean_page_cache() IS
    'Remove page caches of tables that are gone and of those that nobody used for 30 days; returns how many';
