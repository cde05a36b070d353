-- catalog: what is wrong with a document, and what a document looks like.

CREATE FUNCTION spine.validate(doc jsonb)
RETURNS TABLE (severity text, code text, pointer text, message text, hint text)
LANGUAGE c STABLE CALLED ON NULL INPUT AS 'MODULE_PATHNAME', 'spine_validate';
COMMENT ON FUNCTION spine.validate(jsonb) IS
    'Everything that is wrong with a document, merged into the accepted one, each with its JSON pointer; executes nothing';

CREATE FUNCTION spine.spec_schema() RETURNS jsonb
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'spine_spec_schema';
COMMENT ON FUNCTION spine.spec_schema() IS
    'JSON Schema (2020-12) of documents: what spine.validate finds about their shape';

-- Findings speak of the accepted document, so they are for its readers.
REVOKE ALL ON FUNCTION spine.validate(jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION spine.validate(jsonb)
    TO spine_reader, spine_steward, spine_auditor, spine_admin;
