-- catalog: who owns an asset, and how ownership changes hands.

CREATE FUNCTION spine.owner_of(asset text, at timestamptz DEFAULT pg_catalog.now(),
                               OUT party text, OUT role text, OUT via text, OUT state text,
                               OUT since timestamptz, OUT rev bigint)
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'spine_owner_of';
COMMENT ON FUNCTION spine.owner_of(text, timestamptz) IS
    'Who answers for a context, dataset or attribute, now or as of a time: the party, its role, where it is named, and since when';

CREATE FUNCTION spine.own(asset text, party text, state text DEFAULT 'proposed',
                          review_on date DEFAULT NULL, rationale text DEFAULT NULL)
RETURNS bigint
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'spine_own';
COMMENT ON FUNCTION spine.own(text, text, text, date, text) IS
    'Name the owner of a context or a dataset; while it is proposed, who owned it stands in; returns the revision';

CREATE FUNCTION spine.accept(asset text)
RETURNS bigint
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'spine_accept';
COMMENT ON FUNCTION spine.accept(text) IS
    'Accept the ownership that is proposed to the caller; returns the revision';

CREATE FUNCTION spine.decline(asset text, reason text)
RETURNS bigint
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'spine_decline';
COMMENT ON FUNCTION spine.decline(text, text) IS
    'Decline the ownership that is proposed to the caller, with a reason; returns the revision';

-- own, accept and decline are open to all, like apply: they judge the caller.
REVOKE ALL ON FUNCTION spine.owner_of(text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION spine.owner_of(text, timestamptz)
    TO spine_reader, spine_steward, spine_auditor, spine_admin;
