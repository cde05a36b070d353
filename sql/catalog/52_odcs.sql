-- catalog: Open Data Contracts, in and out.

CREATE FUNCTION spine.import_odcs(doc jsonb, message text DEFAULT '')
RETURNS bigint
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'spine_import_odcs';
COMMENT ON FUNCTION spine.import_odcs(jsonb, text) IS
    'Keep an Open Data Contract (ODCS 3.0 to 3.2) verbatim and apply what spine uses of it; returns the revision';

CREATE FUNCTION spine.export_odcs(dataset text)
RETURNS jsonb
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'spine_export_odcs';
COMMENT ON FUNCTION spine.export_odcs(text) IS
    'The Open Data Contract of a dataset: the imported one as it was, else one (v3.1.0) made of the document and the table';

-- Importing is open to all, as apply is, which judges the caller; what the
-- document says about others is for its readers.
REVOKE ALL ON FUNCTION spine.export_odcs(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION spine.export_odcs(text)
    TO spine_reader, spine_steward, spine_auditor, spine_admin;
