-- catalog: views that a person works with, over the projection, and the
-- functions that they are made of.
-- Server functions that return sets are planned as 100 rows for each call,
-- which for a large catalogue means plans, and compilation, for millions.

CREATE FUNCTION spine.names(list_or_map jsonb) RETURNS text[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'spine_names';
COMMENT ON FUNCTION spine.names(jsonb) IS
    'Names in a part of the document, in order: the members of an object, or the strings of an array';

CREATE FUNCTION spine.members(map jsonb)
RETURNS TABLE (name text, definition jsonb)
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE ROWS 2 AS 'jsonb_each';
COMMENT ON FUNCTION spine.members(jsonb) IS
    'Members of a map of the document: jsonb_each, planned as a few rows';

CREATE FUNCTION spine.rights(dataset text, definition jsonb, owner text)
RETURNS TABLE (asset text, state text, party text, action text, target text,
               condition text)
LANGUAGE c IMMUTABLE PARALLEL SAFE ROWS 20 COST 20
AS 'MODULE_PATHNAME', 'spine_rights';
COMMENT ON FUNCTION spine.rights(text, jsonb, text) IS
    'What a dataset''s definition and its owner mean for every party in every state: the rows of spine.matrix';

REVOKE ALL ON FUNCTION spine.names(jsonb), spine.members(jsonb),
    spine.rights(text, jsonb, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION spine.names(jsonb), spine.members(jsonb),
    spine.rights(text, jsonb, text)
    TO spine_reader, spine_steward, spine_auditor, spine_admin;

-- ---- datasets ----

CREATE VIEW spine.dataset AS
    SELECT a.asset AS dataset, a.parent AS context, a.name, d.description,
           a.owner,
           CASE WHEN o.owner_state IS NOT NULL THEN o.owner_state
                WHEN a.owner IS NOT NULL THEN 'accepted'
                WHEN o.interim_owner IS NOT NULL THEN 'interim'
           END AS owner_state,
           o.interim_owner,
           CASE WHEN a.owner IS NOT NULL OR o.interim_owner IS NOT NULL
                THEN o.via END AS owner_via,
           coalesce(d.steward, c.steward) AS steward,
           coalesce(spine.names(d.delegates), '{}') AS delegates,
           a.relation, a.local,
           coalesce(a.classification, c.classification) AS classification,
           d.tags,
           coalesce(d.enforcement, 'enforce') AS enforcement,
           coalesce(d.audit, 'all') AS audit,
           d.sot OPERATOR(pg_catalog.->>) 'store' AS sot_store,
           d.sot OPERATOR(pg_catalog.->>) 'locator' AS sot_locator,
           CASE WHEN d.sot IS NOT NULL
                THEN coalesce(d.sot OPERATOR(pg_catalog.->) 'provisional'
                              OPERATOR(pg_catalog.=) 'true', false)
           END AS sot_provisional,
           d.sot OPERATOR(pg_catalog.#>>) '{target,store}' AS sot_target,
           coalesce(pg_catalog.cardinality(spine.names(d.replicas)), 0)
               AS replicas,
           coalesce(pg_catalog.cardinality(spine.names(d.caches)), 0)
               AS caches,
           coalesce(pg_catalog.cardinality(spine.names(d.snapshots)), 0)
               AS snapshots,
           coalesce(pg_catalog.cardinality(spine.names(d.derived)), 0)
               AS derived,
           coalesce(spine.names(d.consumers), '{}') AS consumers,
           coalesce(spine.names(d.producers), '{}') AS producers,
           d.lifecycle IS NOT NULL AS has_lifecycle,
           d.lifecycle OPERATOR(pg_catalog.->>) 'governing' AS governing,
           coalesce(spine.names(d.retention), '{}') AS retention,
           d.contract,
           d.review_on, d.links, a.rev
      FROM spine.asset a
     CROSS JOIN LATERAL pg_catalog.jsonb_to_record(a.definition) d
               (description text, owner text, owner_state text,
                interim_owner text, steward text, delegates jsonb,
                tags text[], enforcement text, audit text, sot jsonb,
                replicas jsonb, caches jsonb, snapshots jsonb, derived jsonb,
                consumers jsonb, producers jsonb, lifecycle jsonb,
                retention jsonb, contract text, review_on date, links jsonb)
      LEFT JOIN spine.asset p
        ON p.asset OPERATOR(pg_catalog.=) a.parent
       AND p.kind OPERATOR(pg_catalog.=) 'context'
      LEFT JOIN LATERAL pg_catalog.jsonb_to_record(p.definition) c
               (owner_state text, interim_owner text, steward text,
                classification text)
        ON true
     -- what is said of an owner stands where the owner stands
     CROSS JOIN LATERAL (
               SELECT d.owner_state, d.interim_owner, 'dataset' AS via
                WHERE d.owner IS NOT NULL OR d.owner_state IS NOT NULL
                   OR d.interim_owner IS NOT NULL
               UNION ALL
               SELECT c.owner_state, c.interim_owner, 'context'
                WHERE d.owner IS NULL AND d.owner_state IS NULL
                  AND d.interim_owner IS NULL) o
     WHERE a.kind OPERATOR(pg_catalog.=) 'dataset';
COMMENT ON VIEW spine.dataset IS
    'Every dataset: who is accountable, where the truth lies, how it is guarded';
COMMENT ON COLUMN spine.dataset.dataset IS 'Asset key';
COMMENT ON COLUMN spine.dataset.context IS 'Asset key of its context';
COMMENT ON COLUMN spine.dataset.name IS 'Its name within the context';
COMMENT ON COLUMN spine.dataset.description IS 'What it is, for people';
COMMENT ON COLUMN spine.dataset.owner IS
    'Accountable party: the dataset''s own, else the context''s';
COMMENT ON COLUMN spine.dataset.owner_state IS
    'accepted, interim or proposed; NULL if there is neither owner nor interim owner';
COMMENT ON COLUMN spine.dataset.interim_owner IS
    'Party that stands in until an owner accepts';
COMMENT ON COLUMN spine.dataset.owner_via IS
    'dataset or context: where the owner is named; NULL if there is none';
COMMENT ON COLUMN spine.dataset.steward IS
    'Party that cares for it day by day: the dataset''s own, else the context''s';
COMMENT ON COLUMN spine.dataset.delegates IS
    'Parties to whom the owner leaves duties; which, stands in the document';
COMMENT ON COLUMN spine.dataset.relation IS
    'The table as the document writes it; NULL for a logical dataset';
COMMENT ON COLUMN spine.dataset.local IS
    'Does it live in this database, so that it is guarded here?';
COMMENT ON COLUMN spine.dataset.classification IS
    'How confidential: the dataset''s own term, else the context''s';
COMMENT ON COLUMN spine.dataset.tags IS 'Terms that apply, as scheme:term';
COMMENT ON COLUMN spine.dataset.enforcement IS 'enforce, observe or off';
COMMENT ON COLUMN spine.dataset.audit IS 'all, transitions or none';
COMMENT ON COLUMN spine.dataset.sot_store IS
    'Store that is the source of truth; NULL if none is named';
COMMENT ON COLUMN spine.dataset.sot_locator IS 'Where in that store';
COMMENT ON COLUMN spine.dataset.sot_provisional IS
    'Is the source of truth only the best understanding so far? NULL if none is named';
COMMENT ON COLUMN spine.dataset.sot_target IS
    'Store that a migration of the source of truth leads to';
COMMENT ON COLUMN spine.dataset.replicas IS 'How many copies follow the source';
COMMENT ON COLUMN spine.dataset.caches IS 'How many copies may be thrown away';
COMMENT ON COLUMN spine.dataset.snapshots IS
    'How many copies are of one moment';
COMMENT ON COLUMN spine.dataset.derived IS
    'How many things are computed from it';
COMMENT ON COLUMN spine.dataset.consumers IS 'Parties that read';
COMMENT ON COLUMN spine.dataset.producers IS
    'Parties that write beside the owner';
COMMENT ON COLUMN spine.dataset.has_lifecycle IS
    'Do its rows go through states?';
COMMENT ON COLUMN spine.dataset.governing IS
    'Column whose value is the state; NULL without a lifecycle';
COMMENT ON COLUMN spine.dataset.retention IS
    'Names of its own retention rules';
COMMENT ON COLUMN spine.dataset.contract IS
    'Data contract that it is promised under';
COMMENT ON COLUMN spine.dataset.review_on IS
    'When its ownership is looked at again';
COMMENT ON COLUMN spine.dataset.links IS
    'Where to read more: an object of name and address';
COMMENT ON COLUMN spine.dataset.rev IS 'Revision that last changed it';

-- ---- who may do what ----

CREATE VIEW spine.matrix AS
    SELECT r.asset AS dataset, r.state, r.party, p.role, r.action, r.target,
           r.condition
      FROM spine.asset a
     CROSS JOIN LATERAL spine.rights(a.asset, a.definition, a.standing) r
      LEFT JOIN spine.party p ON p.party OPERATOR(pg_catalog.=) r.party
     WHERE a.kind OPERATOR(pg_catalog.=) 'dataset';
COMMENT ON VIEW spine.matrix IS
    'The whole rights matrix: a row for each thing that a party may do in a state; what has no row is refused';
COMMENT ON COLUMN spine.matrix.dataset IS
    'Asset key of the dataset, or of the child table governed by its state';
COMMENT ON COLUMN spine.matrix.state IS
    'State in which the party may do it; of a child table, its parent''s; NULL: whatever the state';
COMMENT ON COLUMN spine.matrix.party IS
    'Who may; NULL: everybody who holds the table privilege';
COMMENT ON COLUMN spine.matrix.role IS
    'Database role that acts as the party; NULL if it has none';
COMMENT ON COLUMN spine.matrix.action IS
    'insert, delete, write, transition or read';
COMMENT ON COLUMN spine.matrix.target IS
    'Attribute, path or * of write and read, "-> state" of transition; NULL for insert and delete';
COMMENT ON COLUMN spine.matrix.condition IS
    '"guard" where a transition''s guard must hold as well; "-> state" where a write is allowed only together with that transition';

-- ---- where the data lies ----

CREATE VIEW spine.topology AS
    SELECT a.asset AS dataset,
           a.asset OPERATOR(pg_catalog.||) '.' OPERATOR(pg_catalog.||)
               CASE WHEN l.name OPERATOR(pg_catalog.~) '[."]'
                    THEN '"' OPERATOR(pg_catalog.||)
                         pg_catalog.replace(l.name, '"', '""')
                         OPERATOR(pg_catalog.||) '"'
                    ELSE l.name END AS placement,
           l.kind, m.store, s.definition OPERATOR(pg_catalog.->>) 'kind'
               AS store_kind,
           s.definition OPERATOR(pg_catalog.->>) 'region' AS region,
           m.locator, m.upstream, m.flow, m.trigger, m.consistency,
           m.max_lag, m.conflict, m.route,
           coalesce(m.provisional, false) AS provisional,
           coalesce(m.owner, s.definition OPERATOR(pg_catalog.->>) 'owner')
               AS owner,
           m.runbook
      FROM spine.asset a
     CROSS JOIN LATERAL pg_catalog.jsonb_to_record(a.definition) d
               (sot jsonb, replicas jsonb, caches jsonb, snapshots jsonb,
                derived jsonb)
     CROSS JOIN LATERAL (
               SELECT 'sot' AS kind, NULL::pg_catalog.text AS name,
                      d.sot AS definition
               UNION ALL
               SELECT 'sot_target', NULL,
                      d.sot OPERATOR(pg_catalog.->) 'target'
               UNION ALL
               SELECT 'replica', r.name, r.definition
                 FROM spine.members(d.replicas) r
               UNION ALL
               SELECT 'cache', r.name, r.definition
                 FROM spine.members(d.caches) r
               UNION ALL
               SELECT 'snapshot', r.name, r.definition
                 FROM spine.members(d.snapshots) r
               UNION ALL
               SELECT 'derived', r.name, r.definition
                 FROM spine.members(d.derived) r) l
     CROSS JOIN LATERAL pg_catalog.jsonb_to_record(l.definition) m
               (store text, locator text, upstream text, flow text,
                trigger text, consistency text, max_lag interval,
                conflict text, route text, provisional boolean, owner text,
                runbook text)
      LEFT JOIN spine.entry s
        ON s.section OPERATOR(pg_catalog.=) 'stores'
       AND s.name OPERATOR(pg_catalog.=) m.store
     WHERE a.kind OPERATOR(pg_catalog.=) 'dataset'
       AND l.definition IS NOT NULL;
COMMENT ON VIEW spine.topology IS
    'Where each dataset lies: its source of truth and every copy';
COMMENT ON COLUMN spine.topology.dataset IS 'Asset key of the dataset';
COMMENT ON COLUMN spine.topology.placement IS
    'Key of the copy, context.dataset.placement; NULL for the source of truth';
COMMENT ON COLUMN spine.topology.kind IS
    'sot, sot_target (where a migration leads), replica, cache, snapshot or derived';
COMMENT ON COLUMN spine.topology.store IS 'Store that holds it';
COMMENT ON COLUMN spine.topology.store_kind IS
    'Kind of the store: postgres, kafka and so on';
COMMENT ON COLUMN spine.topology.region IS 'Region of the store';
COMMENT ON COLUMN spine.topology.locator IS
    'Where in the store: table, topic, path';
COMMENT ON COLUMN spine.topology.upstream IS
    'Name of the placement that a copy is fed from; NULL: the source of truth';
COMMENT ON COLUMN spine.topology.flow IS
    'How data gets there: route, logical_replication, etl, fdw, events, app or manual';
COMMENT ON COLUMN spine.topology.trigger IS
    'What makes it flow: realtime, batch or on_demand';
COMMENT ON COLUMN spine.topology.consistency IS
    'What a reader of the copy may rely on: strong, eventual, bounded or snapshot';
COMMENT ON COLUMN spine.topology.max_lag IS 'How far behind it may be';
COMMENT ON COLUMN spine.topology.conflict IS
    'Who wins where copy and source differ';
COMMENT ON COLUMN spine.topology.route IS 'Route that carries it';
COMMENT ON COLUMN spine.topology.provisional IS
    'Is it only the best understanding so far?';
COMMENT ON COLUMN spine.topology.owner IS
    'Party that runs the flow, else the store';
COMMENT ON COLUMN spine.topology.runbook IS
    'Where it says what to do when it fails';

-- ---- what lacks an owner ----

CREATE VIEW spine.unowned AS
    WITH asset AS (
        SELECT d.dataset AS asset, 'dataset' AS kind, d.owner, d.owner_state,
               d.interim_owner, d.relation
          FROM spine.dataset d
        UNION ALL
        SELECT a.asset, a.kind, a.owner,
               a.definition OPERATOR(pg_catalog.->>) 'owner_state',
               a.definition OPERATOR(pg_catalog.->>) 'interim_owner', NULL
          FROM spine.asset a
         WHERE a.kind OPERATOR(pg_catalog.=) 'context'
    ), holder AS (
        SELECT a.asset, a.kind, a.relation, a.owner_state,
               CASE WHEN a.interim_owner IS NOT NULL
                     AND (a.owner IS NULL
                          OR a.owner_state OPERATOR(pg_catalog.<>) 'accepted')
                    THEN a.interim_owner ELSE a.owner END AS party,
               a.owner AS named
          FROM asset a
    ), problem AS (
        SELECT h.asset, h.kind, h.party,
               CASE WHEN h.party IS NULL THEN 'no_owner'
                    WHEN h.owner_state OPERATOR(pg_catalog.=) 'proposed'
                     AND h.party OPERATOR(pg_catalog.=) h.named
                    THEN 'not_accepted'
                    WHEN p.party IS NULL THEN 'unknown_owner'
                    WHEN p.definition OPERATOR(pg_catalog.->) 'retired'
                         OPERATOR(pg_catalog.=) 'true' THEN 'retired_owner'
                    WHEN h.relation IS NULL THEN NULL
                    WHEN p.role IS NULL THEN 'no_role'
                    WHEN r.oid IS NULL THEN 'role_missing'
               END AS reason,
               p.role
          FROM holder h
          LEFT JOIN spine.party p ON p.party OPERATOR(pg_catalog.=) h.party
          LEFT JOIN pg_catalog.pg_roles r
            ON r.oid OPERATOR(pg_catalog.=) p.roleid
    )
    SELECT p.asset, p.kind, p.reason, p.party,
           CASE p.reason
               WHEN 'no_owner' THEN 'nobody is named'
               WHEN 'not_accepted' THEN 'the owner has not answered, and nobody stands in'
               WHEN 'unknown_owner' THEN 'no such party'
               WHEN 'retired_owner' THEN 'the party is retired'
               WHEN 'no_role' THEN 'no database role acts as the party'
               ELSE pg_catalog.format('role %I does not exist', p.role)
           END AS detail
      FROM problem p
     WHERE p.reason IS NOT NULL
    UNION ALL
    SELECT pg_catalog.format('%I.%I', n.nspname, t.relname), 'table',
           'ungoverned', NULL,
           pg_catalog.format('schema of context %s, table of role %I',
                             s.context, o.rolname)
      FROM (SELECT pg_catalog.string_agg(a.asset, ', ' ORDER BY a.asset)
                       AS context,
                   u.name
              FROM spine.asset a
             CROSS JOIN LATERAL pg_catalog.unnest(spine.names(
                       a.definition OPERATOR(pg_catalog.->) 'schemas'))
                       u (name)
             WHERE a.kind OPERATOR(pg_catalog.=) 'context'
             GROUP BY u.name) s
      JOIN pg_catalog.pg_namespace n
        ON n.nspname OPERATOR(pg_catalog.=) s.name::pg_catalog.name
      JOIN pg_catalog.pg_class t
        ON t.relnamespace OPERATOR(pg_catalog.=) n.oid
       AND t.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,f}'::"char"[])
       AND NOT t.relispartition
      JOIN pg_catalog.pg_roles o ON o.oid OPERATOR(pg_catalog.=) t.relowner
     -- tables of extensions belong to their extension
     WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
                        WHERE e.classid OPERATOR(pg_catalog.=) 1259
                          AND e.objid OPERATOR(pg_catalog.=) t.oid
                          AND e.deptype OPERATOR(pg_catalog.=) 'e')
       AND t.oid OPERATOR(pg_catalog.<>) ALL (ARRAY(
           -- the tables that are governed, and their heirs
           WITH RECURSIVE governed AS (
               SELECT a.relid FROM spine.asset a WHERE a.relid IS NOT NULL
               UNION
               SELECT i.inhrelid FROM pg_catalog.pg_inherits i
                 JOIN governed g ON i.inhparent OPERATOR(pg_catalog.=) g.relid)
           SELECT g.relid FROM governed g))
       -- what a dataset names as its copy, its owner answers for
       AND NOT EXISTS (
           SELECT FROM spine.topology c
             JOIN spine.entry e
               ON e.section OPERATOR(pg_catalog.=) 'stores'
              AND e.name OPERATOR(pg_catalog.=) c.store
            WHERE c.placement IS NOT NULL
              AND c.store_kind OPERATOR(pg_catalog.=) 'postgres'
              AND e.definition OPERATOR(pg_catalog.->) 'server' IS NULL
              AND c.locator OPERATOR(pg_catalog.=) pg_catalog.format(
                      '%I.%I', n.nspname, t.relname));
COMMENT ON VIEW spine.unowned IS
    'Whatever nobody answers for: contexts and datasets without a living owner, tables of governed schemas that no dataset names';
COMMENT ON COLUMN spine.unowned.asset IS
    'Asset key, or schema and name of a table';
COMMENT ON COLUMN spine.unowned.kind IS 'context, dataset or table';
COMMENT ON COLUMN spine.unowned.reason IS
    'no_owner, not_accepted, unknown_owner, retired_owner, no_role, role_missing or ungoverned';
COMMENT ON COLUMN spine.unowned.party IS
    'The owner, or interim owner, that it is about';
COMMENT ON COLUMN spine.unowned.detail IS 'The reason in words';

-- ---- what a person has to look at ----

CREATE VIEW spine.reviews_due AS
    SELECT a.asset, a.kind, r.reason, r.due,
           r.due OPERATOR(pg_catalog.<) CURRENT_DATE AS overdue, r.party,
           r.detail
      FROM spine.asset a
     CROSS JOIN LATERAL pg_catalog.jsonb_to_record(a.definition) d
               (owner text, owner_state text, interim_owner text,
                steward text, review_on date, sot jsonb, consumers jsonb,
                replicas jsonb, caches jsonb, snapshots jsonb, derived jsonb)
     CROSS JOIN LATERAL (
               SELECT 'review' AS reason, d.review_on AS due,
                      coalesce(a.owner, d.interim_owner) AS party,
                      NULL::pg_catalog.text AS detail
                WHERE d.review_on OPERATOR(pg_catalog.<=)
                      (CURRENT_DATE OPERATOR(pg_catalog.+) 30)
               UNION ALL
               SELECT 'interim_owner', d.review_on,
                      coalesce(d.interim_owner, a.owner),
                      'stands in until an owner accepts'
                WHERE d.interim_owner IS NOT NULL
                   OR d.owner_state OPERATOR(pg_catalog.=) 'interim'
               UNION ALL
               SELECT 'proposed_owner', d.review_on, a.owner,
                      'has not answered'
                WHERE d.owner_state OPERATOR(pg_catalog.=) 'proposed'
               UNION ALL
               SELECT 'provisional_sot', d.review_on, a.owner,
                      pg_catalog.format('store %s', d.sot
                          OPERATOR(pg_catalog.->>) 'store')
                WHERE d.sot OPERATOR(pg_catalog.->) 'provisional'
                      OPERATOR(pg_catalog.=) 'true'
               UNION ALL
               SELECT 'sot_migration', t.by, a.owner,
                      pg_catalog.format('from store %s to %s', d.sot
                          OPERATOR(pg_catalog.->>) 'store', t.store)
                 FROM pg_catalog.jsonb_to_record(d.sot
                          OPERATOR(pg_catalog.->) 'target') t
                          (store text, by date)
                WHERE t.by OPERATOR(pg_catalog.<=)
                      (CURRENT_DATE OPERATOR(pg_catalog.+) 30)
               UNION ALL
               SELECT 'access_ends', (c.definition
                          OPERATOR(pg_catalog.->>) 'until')::pg_catalog.date,
                      c.name, 'consumer'
                 FROM spine.members(d.consumers) c
                WHERE (c.definition OPERATOR(pg_catalog.->>) 'until')
                          ::pg_catalog.date OPERATOR(pg_catalog.<=)
                      (CURRENT_DATE OPERATOR(pg_catalog.+) 30)
               UNION ALL
               SELECT 'provisional_copy', d.review_on,
                      coalesce(m.definition OPERATOR(pg_catalog.->>) 'owner',
                               a.owner),
                      m.name
                 FROM (SELECT d.replicas UNION ALL SELECT d.caches
                       UNION ALL SELECT d.snapshots
                       UNION ALL SELECT d.derived) k (map)
                CROSS JOIN LATERAL spine.members(k.map) m
                WHERE m.definition OPERATOR(pg_catalog.->) 'provisional'
                      OPERATOR(pg_catalog.=) 'true') r
     WHERE a.kind OPERATOR(pg_catalog.=) ANY ('{context,dataset}')
    UNION ALL
    SELECT e.name, 'residency', 'exception_expires', d.expires,
           d.expires OPERATOR(pg_catalog.<) CURRENT_DATE, d.approved_by,
           d.reason
      FROM spine.entry e
     CROSS JOIN LATERAL pg_catalog.jsonb_to_record(e.definition) d
               (expires date, approved_by text, reason text)
     WHERE e.section OPERATOR(pg_catalog.=) 'residency'
       AND d.expires OPERATOR(pg_catalog.<=)
           (CURRENT_DATE OPERATOR(pg_catalog.+) 30);
COMMENT ON VIEW spine.reviews_due IS
    'What a person has to look at: reviews past or within 30 days, owners that are interim or have not answered, what is provisional or ends';
COMMENT ON COLUMN spine.reviews_due.asset IS
    'Asset key, or name of a residency rule';
COMMENT ON COLUMN spine.reviews_due.kind IS 'context, dataset or residency';
COMMENT ON COLUMN spine.reviews_due.reason IS
    'review, interim_owner, proposed_owner, provisional_sot, provisional_copy, sot_migration, access_ends or exception_expires';
COMMENT ON COLUMN spine.reviews_due.due IS
    'By when; NULL where the document gives no date';
COMMENT ON COLUMN spine.reviews_due.overdue IS 'Is that day past?';
COMMENT ON COLUMN spine.reviews_due.party IS
    'Who is asked, or whose access ends';
COMMENT ON COLUMN spine.reviews_due.detail IS 'More about it';

CREATE VIEW spine.sot_review AS
    SELECT d.dataset, d.sot_store AS store, d.sot_locator AS locator,
           d.sot_provisional AS provisional, s.rationale,
           t.store AS target_store, t.locator AS target_locator,
           t.by AS target_by, t.plan AS target_plan, d.owner, d.steward,
           d.review_on,
           least(d.review_on, t.by) OPERATOR(pg_catalog.<) CURRENT_DATE
               AS overdue
      FROM spine.dataset d
      JOIN spine.asset a
        ON a.asset OPERATOR(pg_catalog.=) d.dataset
       AND a.kind OPERATOR(pg_catalog.=) 'dataset'
     CROSS JOIN LATERAL pg_catalog.jsonb_to_record(a.definition
               OPERATOR(pg_catalog.->) 'sot') s (rationale text, target jsonb)
      LEFT JOIN LATERAL pg_catalog.jsonb_to_record(s.target) t
               (store text, locator text, by date, plan text) ON true
     WHERE d.sot_provisional OR s.target IS NOT NULL;
COMMENT ON VIEW spine.sot_review IS
    'Sources of truth that are provisional or on their way to another store: the list that is reviewed';
COMMENT ON COLUMN spine.sot_review.rationale IS
    'Why this store, as the document says';
COMMENT ON COLUMN spine.sot_review.target_store IS
    'Store that will be authoritative; NULL: no migration is planned';
COMMENT ON COLUMN spine.sot_review.target_by IS
    'When the migration is to be done';
COMMENT ON COLUMN spine.sot_review.target_plan IS 'Where it is described';
COMMENT ON COLUMN spine.sot_review.review_on IS
    'When its ownership is looked at again';
COMMENT ON COLUMN spine.sot_review.overdue IS
    'Is the review, or the end of the migration, past? NULL where the document gives no date';

-- ---- what changed when ----

CREATE VIEW spine.changelog AS
    SELECT r.rev, r.at, r.author, r.session_author, r.message, r.sha256,
           c.created, c.updated, c.deleted, c.risk, c.changes
      FROM spine.revision r
      -- left, so that who asks for none of its columns pays for no diff
      LEFT JOIN LATERAL (
               SELECT coalesce(pg_catalog.sum(k.n) FILTER (
                          WHERE k.action OPERATOR(pg_catalog.=) 'create'), 0)
                          ::pg_catalog.int8 AS created,
                      coalesce(pg_catalog.sum(k.n) FILTER (
                          WHERE k.action OPERATOR(pg_catalog.=) 'update'), 0)
                          ::pg_catalog.int8 AS updated,
                      coalesce(pg_catalog.sum(k.n) FILTER (
                          WHERE k.action OPERATOR(pg_catalog.=) 'delete'), 0)
                          ::pg_catalog.int8 AS deleted,
                      (ARRAY['safe', 'review', 'breaking'])[
                          pg_catalog.max(k.risk)] AS risk,
                      coalesce(pg_catalog.jsonb_object_agg(
                          k.action OPERATOR(pg_catalog.||) ' '
                              OPERATOR(pg_catalog.||) k.kind, k.n),
                          '{}') AS changes
                 FROM (SELECT d.action, d.kind, pg_catalog.count(*) AS n,
                              pg_catalog.max(CASE d.risk
                                  WHEN 'breaking' THEN 3
                                  WHEN 'review' THEN 2 ELSE 1 END) AS risk
                         FROM spine.diff(
                                  coalesce((SELECT pg_catalog.max(b.rev)
                                              FROM spine.revision b
                                             WHERE b.rev
                                                   OPERATOR(pg_catalog.<)
                                                   r.rev), 0), r.rev) d
                        -- what people may do follows from the parts
                        WHERE d.kind OPERATOR(pg_catalog.<>) 'right'
                        GROUP BY d.action, d.kind) k) c
        ON true;
COMMENT ON VIEW spine.changelog IS
    'The revisions and what each changed against the one before; order by rev and limit, as each row compares two documents';
COMMENT ON COLUMN spine.changelog.rev IS 'Revision';
COMMENT ON COLUMN spine.changelog.at IS 'When it was applied';
COMMENT ON COLUMN spine.changelog.author IS
    'current_user of who applied it';
COMMENT ON COLUMN spine.changelog.session_author IS
    'session_user of who applied it: who logged in';
COMMENT ON COLUMN spine.changelog.message IS 'What the author said about it';
COMMENT ON COLUMN spine.changelog.sha256 IS
    'Hash of the document, as spine.revision has it';
COMMENT ON COLUMN spine.changelog.created IS
    'How many parts of the document are new';
COMMENT ON COLUMN spine.changelog.updated IS 'How many parts differ';
COMMENT ON COLUMN spine.changelog.deleted IS 'How many parts are gone';
COMMENT ON COLUMN spine.changelog.risk IS
    'Highest risk among them: safe, review or breaking; NULL if nothing differs';
COMMENT ON COLUMN spine.changelog.changes IS
    'Count of each action and kind, such as {"update dataset": 2}';

REVOKE ALL ON spine.dataset, spine.matrix, spine.topology, spine.unowned,
    spine.reviews_due, spine.sot_review, spine.changelog FROM PUBLIC;
GRANT SELECT ON spine.dataset, spine.matrix, spine.topology, spine.unowned,
    spine.reviews_due, spine.sot_review, spine.changelog
    TO spine_reader, spine_steward, spine_auditor, spine_admin;

-- ---- documents for people ----

CREATE FUNCTION spine.export_markdown(asset text) RETURNS text
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'spine_export_markdown';
COMMENT ON FUNCTION spine.export_markdown(text) IS
    'The ownership specification of a dataset, or the ownership matrix of a context, as Markdown';

CREATE FUNCTION spine.export_dot(dataset text) RETURNS text
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'spine_export_dot';
COMMENT ON FUNCTION spine.export_dot(text) IS
    'State diagram of a dataset''s lifecycle in the language of Graphviz';

CREATE FUNCTION spine.export_mermaid(dataset text) RETURNS text
LANGUAGE c STABLE STRICT AS 'MODULE_PATHNAME', 'spine_export_mermaid';
COMMENT ON FUNCTION spine.export_mermaid(text) IS
    'State diagram of a dataset''s lifecycle in the language of Mermaid';

REVOKE ALL ON FUNCTION spine.export_markdown(text), spine.export_dot(text),
    spine.export_mermaid(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION spine.export_markdown(text), spine.export_dot(text),
    spine.export_mermaid(text)
    TO spine_reader, spine_steward, spine_auditor, spine_admin;
