-- consistency: canonical row bytes, and digests of rows by them.

CREATE FUNCTION spine.canonical_row(VARIADIC fields "any") RETURNS bytea
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'spine_canonical_row';
COMMENT ON FUNCTION spine.canonical_row("any") IS
    'Canonical bytes of a row (docs/canonical.md, version 1): the same for the same values in every database';

CREATE FUNCTION spine.digest_row(VARIADIC fields "any") RETURNS text
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'spine_digest_row';
COMMENT ON FUNCTION spine.digest_row("any") IS
    'XXH3-128 of a row''s canonical bytes, as 32 lower-case hex digits';

CREATE FUNCTION spine.digest_bucket(buckets int, VARIADIC key "any") RETURNS int
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'spine_digest_bucket';
COMMENT ON FUNCTION spine.digest_bucket(int, "any") IS
    'Bucket, from 0, that the row of a key belongs to: the low half of the key''s digest modulo the number of buckets';

CREATE FUNCTION spine.digest_step(internal, VARIADIC "any") RETURNS internal
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'spine_digest_step';
COMMENT ON FUNCTION spine.digest_step(internal, "any") IS 'Part of spine.digest_agg';
CREATE FUNCTION spine.digest_combine(internal, internal) RETURNS internal
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'spine_digest_combine';
COMMENT ON FUNCTION spine.digest_combine(internal, internal) IS 'Part of spine.digest_agg';
CREATE FUNCTION spine.digest_serialize(internal) RETURNS bytea
    LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'spine_digest_serialize';
COMMENT ON FUNCTION spine.digest_serialize(internal) IS 'Part of spine.digest_agg';
CREATE FUNCTION spine.digest_deserialize(bytea, internal) RETURNS internal
    LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'spine_digest_deserialize';
COMMENT ON FUNCTION spine.digest_deserialize(bytea, internal) IS 'Part of spine.digest_agg';
CREATE FUNCTION spine.digest_final(internal) RETURNS text
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'spine_digest_final';
COMMENT ON FUNCTION spine.digest_final(internal) IS 'Part of spine.digest_agg';

CREATE AGGREGATE spine.digest_agg(VARIADIC "any") (
    SFUNC = spine.digest_step, STYPE = internal, SSPACE = 32,
    COMBINEFUNC = spine.digest_combine,
    SERIALFUNC = spine.digest_serialize, DESERIALFUNC = spine.digest_deserialize,
    FINALFUNC = spine.digest_final, PARALLEL = SAFE);
COMMENT ON AGGREGATE spine.digest_agg("any") IS
    'Digest of the rows of any query: the sum modulo 2^128 of their XXH3-128, as 32 hex digits; of no rows, zeros';

CREATE FUNCTION spine.digest(relation regclass, columns text[] DEFAULT NULL,
                             filter text DEFAULT NULL, buckets int DEFAULT 1)
    RETURNS TABLE (bucket int, rows bigint, digest text)
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'spine_digest';
COMMENT ON FUNCTION spine.digest(regclass, text[], text, int) IS
    'Digest of a relation''s rows per bucket of their key, over the columns given or all; a filter runs as the caller, who needs SELECT';
