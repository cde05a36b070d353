-- ownership: questions about the rules themselves, which no row has to be
-- there for.

CREATE FUNCTION spine.detect(value text, detector text) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'spine_detect';
COMMENT ON FUNCTION spine.detect(text, text) IS
    'Does a detector of "forbid" (card_number, secret, plain_text) find what it looks for in a value?';

CREATE FUNCTION spine.may_matrix(role name, relation regclass)
    RETURNS TABLE (state text, action text, target text, allowed boolean, condition text,
                   rule text, owner text)
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'spine_may_matrix';
COMMENT ON FUNCTION spine.may_matrix(name, regclass) IS
    'All that a role may and may not do with the rows of a table, per state, action and target, by the guard''s own rules as if enforced; the caller needs SELECT';
