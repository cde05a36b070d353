-- registry: subjects, their versions, and the schemas that those are of.
-- History, dumped; no foreign keys, so that a restore loads them in any order.

CREATE TABLE spine.schema_body (
    context    text        NOT NULL,
    id         integer     NOT NULL,
    type       text        NOT NULL,
    identity   bytea       NOT NULL,
    text       text        NOT NULL,
    canonical  text        NOT NULL,
    refs       jsonb,
    metadata   jsonb,
    rule_set   jsonb,
    guid       uuid        NOT NULL,
    created_at timestamptz NOT NULL,
    created_by text        NOT NULL,
    PRIMARY KEY (context, id),
    UNIQUE (context, identity)
);
CREATE INDEX schema_body_guid_idx ON spine.schema_body (guid);
SELECT pg_catalog.pg_extension_config_dump('spine.schema_body', '');
REVOKE ALL ON spine.schema_body FROM PUBLIC;
GRANT SELECT ON spine.schema_body TO spine_reader, spine_publisher, spine_steward, spine_auditor, spine_admin;
COMMENT ON TABLE spine.schema_body IS
    'Every schema once: versions of subjects that mean the same have the same id';
COMMENT ON COLUMN spine.schema_body.context IS 'Context of the registry; . is the default one';
COMMENT ON COLUMN spine.schema_body.identity IS
    'SHA-256 of type, canonical identity, references, metadata and rule set';
COMMENT ON COLUMN spine.schema_body.text IS 'As the first author wrote it';

CREATE SEQUENCE spine.schema_id AS integer;
SELECT pg_catalog.pg_extension_config_dump('spine.schema_id', '');
REVOKE ALL ON SEQUENCE spine.schema_id FROM PUBLIC;
COMMENT ON SEQUENCE spine.schema_id IS 'Numbers of schemas';

CREATE TABLE spine.schema_version (
    context      text        NOT NULL,
    subject      text        NOT NULL,
    version      integer     NOT NULL,
    id           integer     NOT NULL,
    semver       text        NOT NULL,
    text         text        NOT NULL,
    deleted      boolean     NOT NULL DEFAULT false,
    origin       text        NOT NULL,
    findings     jsonb       NOT NULL DEFAULT '[]',
    published_at timestamptz NOT NULL,
    published_by text        NOT NULL,
    PRIMARY KEY (context, subject, version)
);
CREATE INDEX schema_version_id_idx ON spine.schema_version (context, id);
SELECT pg_catalog.pg_extension_config_dump('spine.schema_version', '');
REVOKE ALL ON spine.schema_version FROM PUBLIC;
GRANT SELECT ON spine.schema_version TO spine_reader, spine_publisher, spine_steward, spine_auditor, spine_admin;
COMMENT ON TABLE spine.schema_version IS
    'Versions of subjects: which schema each is, what it changed, who published it';
COMMENT ON COLUMN spine.schema_version.text IS 'As its author wrote it';
COMMENT ON COLUMN spine.schema_version.deleted IS
    'Softly deleted: no new use, but data that was written with it is still read';
COMMENT ON COLUMN spine.schema_version.origin IS 'publish, rollback, migration or adopted';
COMMENT ON COLUMN spine.schema_version.findings IS
    'How it differs from the version that was newest when it was published';

CREATE TABLE spine.schema_reference (
    context     text    NOT NULL,
    subject     text    NOT NULL,
    version     integer NOT NULL,
    n           integer NOT NULL,
    name        text    NOT NULL,
    ref_context text    NOT NULL,
    ref_subject text    NOT NULL,
    ref_version integer NOT NULL,
    PRIMARY KEY (context, subject, version, n)
);
CREATE INDEX schema_reference_to_idx
    ON spine.schema_reference (ref_context, ref_subject, ref_version);
SELECT pg_catalog.pg_extension_config_dump('spine.schema_reference', '');
REVOKE ALL ON spine.schema_reference FROM PUBLIC;
GRANT SELECT ON spine.schema_reference TO spine_reader, spine_publisher, spine_steward, spine_auditor, spine_admin;
COMMENT ON TABLE spine.schema_reference IS
    'Which version of another subject a version refers to, under which name';

CREATE TABLE spine.schema_setting (
    scope      text        NOT NULL PRIMARY KEY,
    level      text,
    policy     text,
    mode       text,
    options    jsonb       NOT NULL DEFAULT '{}',
    changed_at timestamptz NOT NULL,
    changed_by text        NOT NULL
);
SELECT pg_catalog.pg_extension_config_dump('spine.schema_setting', '');
REVOKE ALL ON spine.schema_setting FROM PUBLIC;
GRANT SELECT ON spine.schema_setting TO spine_reader, spine_publisher, spine_steward, spine_auditor, spine_admin;
COMMENT ON TABLE spine.schema_setting IS
    'Level, policy and mode of a subject, of a context or of all';
COMMENT ON COLUMN spine.schema_setting.scope IS
    'A subject; ":.context:"; or the empty text, for all';

-- ---- publishing ----

CREATE FUNCTION spine.publish_schema(subject text, schema text, type text DEFAULT 'AVRO',
                                     options jsonb DEFAULT '{}',
                                     OUT id int, OUT version int, OUT semver text, OUT created boolean)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'spine_publish_schema';
COMMENT ON FUNCTION spine.publish_schema(text, text, text, jsonb) IS
    'Make a schema the newest version of a subject, if its level allows; the same schema again is found, not made';

CREATE FUNCTION spine.check_schema(subject text, schema text, type text DEFAULT 'AVRO',
                                   options jsonb DEFAULT '{}',
                                   OUT compatible boolean, OUT findings jsonb, OUT next_semver text)
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'spine_check_schema';
COMMENT ON FUNCTION spine.check_schema(text, text, text, jsonb) IS
    'What publish_schema would say: changes nothing; an unknown subject is compatible';

CREATE FUNCTION spine.lookup_schema(subject text, schema text, type text DEFAULT 'AVRO',
                                    options jsonb DEFAULT '{}',
                                    OUT id int, OUT version int, OUT semver text)
    LANGUAGE c STABLE AS 'MODULE_PATHNAME', 'spine_lookup_schema';
COMMENT ON FUNCTION spine.lookup_schema(text, text, text, jsonb) IS
    'The version of a subject that is this schema; NULLs if none is';

CREATE FUNCTION spine.rollback_schema(subject text, version int,
                                      OUT id int, OUT new_version int, OUT semver text)
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'spine_rollback_schema';
COMMENT ON FUNCTION spine.rollback_schema(text, int) IS
    'Make the schema of an older version the newest one again, as a new version';

CREATE FUNCTION spine.delete_schema(subject text, version int DEFAULT NULL,
                                    permanent boolean DEFAULT false) RETURNS int[]
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'spine_delete_schema';
COMMENT ON FUNCTION spine.delete_schema(text, int, boolean) IS
    'Delete a version or a whole subject: softly first, then for good; returns the versions';

-- ---- reading ----

CREATE VIEW spine.subject_version AS
    SELECT CASE v.context WHEN '.' THEN v.subject
                ELSE ':' OPERATOR(pg_catalog.||) v.context OPERATOR(pg_catalog.||) ':'
                         OPERATOR(pg_catalog.||) v.subject END AS subject,
           v.version, v.id, b.type, v.semver, v.text AS schema, b.canonical, b.refs AS "references",
           b.metadata, b.rule_set, b.guid, v.deleted, v.origin, v.findings,
           v.published_at, v.published_by
      FROM spine.schema_version v
      JOIN spine.schema_body b ON b.context OPERATOR(pg_catalog.=) v.context
                              AND b.id OPERATOR(pg_catalog.=) v.id;
REVOKE ALL ON spine.subject_version FROM PUBLIC;
GRANT SELECT ON spine.subject_version TO spine_reader, spine_publisher, spine_steward, spine_auditor, spine_admin;
COMMENT ON VIEW spine.subject_version IS
    'Each version of each subject with its schema, softly deleted ones included';

CREATE VIEW spine.schema_changelog AS
    SELECT s.subject, s.version, s.semver, s.origin, s.published_at, s.published_by, s.deleted,
           f.kind, f.path, f.backward, f.forward, f.message
      FROM spine.subject_version s
      LEFT JOIN LATERAL pg_catalog.jsonb_to_recordset(s.findings)
                f (kind text, path text, backward boolean, forward boolean, message text) ON true;
REVOKE ALL ON spine.schema_changelog FROM PUBLIC;
GRANT SELECT ON spine.schema_changelog TO spine_reader, spine_publisher, spine_steward, spine_auditor, spine_admin;
COMMENT ON VIEW spine.schema_changelog IS
    'Each version with each difference from the one before it';

CREATE FUNCTION spine.get_schema(id int, context text DEFAULT '.')
    RETURNS SETOF spine.schema_body
    LANGUAGE sql STABLE STRICT ROWS 1
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT b FROM spine.schema_body b
     WHERE b.context OPERATOR(pg_catalog.=) get_schema.context AND b.id OPERATOR(pg_catalog.=) get_schema.id
$$;
COMMENT ON FUNCTION spine.get_schema(int, text) IS 'The schema of an id; no row if there is none';

CREATE FUNCTION spine.get_subject(subject text, version int DEFAULT NULL)
    RETURNS SETOF spine.subject_version
    LANGUAGE sql STABLE ROWS 1
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s FROM spine.subject_version s
     WHERE s.subject OPERATOR(pg_catalog.=) get_subject.subject AND NOT s.deleted
       AND (get_subject.version IS NULL OR s.version OPERATOR(pg_catalog.=) get_subject.version)
     ORDER BY s.version DESC LIMIT 1
$$;
COMMENT ON FUNCTION spine.get_subject(text, int) IS
    'A live version of a subject, the newest if none is named; no row if there is none';

CREATE FUNCTION spine.list_subjects(prefix text DEFAULT '', deleted boolean DEFAULT false)
    RETURNS TABLE (subject text, type text, latest int, semver text, versions int[])
    LANGUAGE sql STABLE STRICT
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.subject, (pg_catalog.array_agg(s.type ORDER BY s.version DESC))[1],
           pg_catalog.max(s.version), (pg_catalog.array_agg(s.semver ORDER BY s.version DESC))[1],
           pg_catalog.array_agg(s.version ORDER BY s.version)
      FROM spine.subject_version s
     WHERE pg_catalog.starts_with(s.subject, list_subjects.prefix) AND (list_subjects.deleted OR NOT s.deleted)
     GROUP BY s.subject ORDER BY s.subject
$$;
COMMENT ON FUNCTION spine.list_subjects(text, boolean) IS
    'Subjects whose names begin so, with their live versions, or with softly deleted ones too';

CREATE VIEW spine.schema_tag AS
    SELECT s.subject, s.version, d.asset AS dataset, t.key AS path,
           pg_catalog.substring(t.key, '[^.]*$') AS attribute, g.tag
      FROM (SELECT DISTINCT ON (v.subject) v.* FROM spine.subject_version v
             WHERE NOT v.deleted ORDER BY v.subject, v.version DESC) s
     CROSS JOIN LATERAL pg_catalog.jsonb_each(coalesce(s.metadata OPERATOR(pg_catalog.->) 'tags', '{}')) t
     CROSS JOIN LATERAL pg_catalog.jsonb_array_elements_text(t.value) g (tag)
      LEFT JOIN LATERAL (SELECT a.asset FROM spine.asset a
                          WHERE a.kind OPERATOR(pg_catalog.=) 'dataset' AND a.asset OPERATOR(pg_catalog.=) s.subject
                         UNION SELECT l.dataset FROM spine.dataset_subject l
                          WHERE l.subject OPERATOR(pg_catalog.=) s.subject) d ON true;
REVOKE ALL ON spine.schema_tag FROM PUBLIC;
GRANT SELECT ON spine.schema_tag TO spine_reader, spine_publisher, spine_steward, spine_auditor, spine_admin;
COMMENT ON VIEW spine.schema_tag IS
    'Tags that the newest version of each subject puts on its fields, and the dataset and attribute that they mean';

-- ---- levels and modes ----

CREATE FUNCTION spine.set_level(scope text, level text, options jsonb DEFAULT '{}') RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'spine_set_level';
COMMENT ON FUNCTION spine.set_level(text, text, jsonb) IS
    'Set the level of a subject, of a context (":.context:") or of all (the empty text); NULL to inherit it';

CREATE FUNCTION spine.get_level(scope text DEFAULT '') RETURNS text
    LANGUAGE sql STABLE STRICT
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.level FROM spine.schema_setting s WHERE s.scope OPERATOR(pg_catalog.=) get_level.scope
$$;
COMMENT ON FUNCTION spine.get_level(text) IS 'The level that is set for exactly this scope; NULL if it is inherited';

CREATE FUNCTION spine.set_mode(scope text, mode text) RETURNS void
    LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'spine_set_mode';
COMMENT ON FUNCTION spine.set_mode(text, text) IS
    'Set the mode of a subject, of a context or of all: READWRITE, READONLY, READONLY_OVERRIDE, IMPORT, FORWARD; NULL to inherit it';

CREATE FUNCTION spine.get_mode(scope text DEFAULT '') RETURNS text
    LANGUAGE sql STABLE STRICT
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.mode FROM spine.schema_setting s WHERE s.scope OPERATOR(pg_catalog.=) get_mode.scope
$$;
COMMENT ON FUNCTION spine.get_mode(text) IS 'The mode that is set for exactly this scope; NULL if it is inherited';
