-- consistency: sketches, which name the rows in which two sides differ.

CREATE FUNCTION spine.key_hash(VARIADIC key "any") RETURNS bigint
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'spine_key_hash';
COMMENT ON FUNCTION spine.key_hash("any") IS
    'The number that stands for a key in sketches: an integer itself, any other key the low half of its digest';

CREATE FUNCTION spine.sketch_step(internal, int, int, VARIADIC "any") RETURNS internal
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'spine_sketch_step';
COMMENT ON FUNCTION spine.sketch_step(internal, int, int, "any") IS 'Part of spine.sketch_agg';
CREATE FUNCTION spine.sketch_combine(internal, internal) RETURNS internal
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'spine_sketch_combine';
COMMENT ON FUNCTION spine.sketch_combine(internal, internal) IS 'Part of spine.sketch_agg';
CREATE FUNCTION spine.sketch_serialize(internal) RETURNS bytea
    LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'spine_sketch_serialize';
COMMENT ON FUNCTION spine.sketch_serialize(internal) IS 'Part of spine.sketch_agg';
CREATE FUNCTION spine.sketch_deserialize(bytea, internal) RETURNS internal
    LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'spine_sketch_deserialize';
COMMENT ON FUNCTION spine.sketch_deserialize(bytea, internal) IS 'Part of spine.sketch_agg';
CREATE FUNCTION spine.sketch_final(internal) RETURNS bytea
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'spine_sketch_final';
COMMENT ON FUNCTION spine.sketch_final(internal) IS 'Part of spine.sketch_agg';

CREATE AGGREGATE spine.sketch_agg(cells int, nkey int, VARIADIC fields "any") (
    SFUNC = spine.sketch_step, STYPE = internal, SSPACE = 2097152,
    COMBINEFUNC = spine.sketch_combine,
    SERIALFUNC = spine.sketch_serialize, DESERIALFUNC = spine.sketch_deserialize,
    FINALFUNC = spine.sketch_final, PARALLEL = SAFE);
COMMENT ON AGGREGATE spine.sketch_agg(int, int, "any") IS
    'Sketch of the rows of any query in so many cells; the first nkey fields are the key, with 0 all of them are';

CREATE FUNCTION spine.sketch(relation regclass, columns text[] DEFAULT NULL,
                             cells int DEFAULT 65536, nkey int DEFAULT NULL) RETURNS bytea
    LANGUAGE c STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'spine_sketch';
COMMENT ON FUNCTION spine.sketch(regclass, text[], int, int) IS
    'Sketch of a relation''s rows: the primary key and then the other columns, or columns of which the first nkey are the key';

CREATE FUNCTION spine.sketch_keep(sketch bytea) RETURNS bytea
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'spine_sketch_keep';
COMMENT ON FUNCTION spine.sketch_keep(bytea) IS
    'Keep a sketch until the transaction ends; returns the part of it that estimates how many keys differ';

CREATE FUNCTION spine.sketch_kept(cells int) RETURNS bytea
    LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'spine_sketch_kept';
COMMENT ON FUNCTION spine.sketch_kept(int) IS
    'The sketch that was kept, folded into so many cells, without the part that estimates';

CREATE FUNCTION spine.sketch_fold(sketch bytea, cells int) RETURNS bytea
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'spine_sketch_fold';
COMMENT ON FUNCTION spine.sketch_fold(bytea, int) IS
    'A sketch of the same rows in fewer cells, without the part that estimates';

CREATE FUNCTION spine.sketch_estimate(a bytea, b bytea) RETURNS bigint
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'spine_sketch_estimate';
COMMENT ON FUNCTION spine.sketch_estimate(bytea, bytea) IS
    'In about how many keys two sketches differ; 0 only if their digests are equal';

CREATE FUNCTION spine.sketch_cells(differing bigint) RETURNS int
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'spine_sketch_cells';
COMMENT ON FUNCTION spine.sketch_cells(bigint) IS
    'How many cells name so many keys as an estimate says, 999 times of a thousand';

CREATE FUNCTION spine.sketch_difference(a bytea, b bytea)
    RETURNS TABLE (key bigint, net int)
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'spine_sketch_difference';
COMMENT ON FUNCTION spine.sketch_difference(bytea, bytea) IS
    'Keys (spine.key_hash) in which two sketches differ; net: rows that the first has more, 0 where the row changed';
