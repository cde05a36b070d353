-- catalog: revisions (the source), the projection (rebuilt from the newest
-- revision), nothing else.  Only spine.revision is dumped.

-- Source: append-only; each row a whole applied document.
CREATE TABLE spine.revision (
    rev            bigint      NOT NULL PRIMARY KEY,
    at             timestamptz NOT NULL,
    author         text        NOT NULL,
    session_author text        NOT NULL,
    message        text        NOT NULL,
    document       jsonb       NOT NULL,
    sha256         text        NOT NULL,
    parent_sha256  text
);
ALTER TABLE spine.revision ALTER COLUMN document SET STORAGE EXTERNAL;
SELECT pg_catalog.pg_extension_config_dump('spine.revision', '');
COMMENT ON TABLE spine.revision IS
    'Every applied document, whole and for ever: the source that the projection is rebuilt from';

-- Projection: which revision it stands at (one row, or none before the first).
CREATE TABLE spine.projection (
    rev bigint NOT NULL
);
COMMENT ON TABLE spine.projection IS
    'The revision that the projection tables show';

CREATE TABLE spine.party (
    party      text  NOT NULL PRIMARY KEY,
    kind       text  NOT NULL,
    role       text,
    roleid     oid,
    definition jsonb NOT NULL
);
COMMENT ON TABLE spine.party IS
    'Parties of the newest document and the database role that each one is';

CREATE TABLE spine.asset (
    asset          text   NOT NULL,
    kind           text   NOT NULL,
    parent         text,
    name           text   NOT NULL,
    owner          text,
    relation       text,
    relid          oid,
    classification text,
    rev            bigint NOT NULL,
    definition     jsonb  NOT NULL,
    local          boolean NOT NULL,
    standing       text,
    -- a column and a child table may share a name
    PRIMARY KEY (asset, kind)
);
CREATE INDEX asset_relid_idx ON spine.asset (relid);
CREATE INDEX asset_parent_idx ON spine.asset (parent);
COMMENT ON TABLE spine.asset IS
    'Contexts, datasets and attributes of the newest document; child tables of a lifecycle too';

CREATE TABLE spine.entry (
    section    text  NOT NULL,
    name       text  NOT NULL,
    definition jsonb NOT NULL,
    PRIMARY KEY (section, name)
);
COMMENT ON TABLE spine.entry IS
    'Named entries of the document''s other sections: terms, stores, residency, routes and so on';

CREATE TABLE spine.pin (
    dataset  text NOT NULL,
    identity text NOT NULL,
    sha256   text NOT NULL,
    PRIMARY KEY (dataset, identity)
);
COMMENT ON TABLE spine.pin IS
    'Functions outside pg_catalog that a dataset''s expressions use, and the hash of what they did when applied';

CREATE TABLE spine.dataset_subject (
    dataset text NOT NULL,
    subject text NOT NULL,
    PRIMARY KEY (dataset, subject)
);
CREATE INDEX dataset_subject_idx ON spine.dataset_subject (subject);
COMMENT ON TABLE spine.dataset_subject IS
    'Schema subjects that datasets list as theirs';
