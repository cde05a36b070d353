-- The world of the ownership benchmark: tables, roles, the documents that
-- govern the tables, and what people use instead of spine.
--
-- Variables: rows (of each table), floor (directory of floor.so).
\set QUIET on
SET client_min_messages = warning;
CREATE EXTENSION spine;
CREATE SCHEMA bench;
-- Between runs the log is emptied, which nobody may do where it counts.
ALTER TABLE spine.audit_log_default DISABLE TRIGGER refuse_change;

CREATE FUNCTION bench.floor_before() RETURNS trigger
    LANGUAGE c AS :'floor', 'floor_before';
CREATE FUNCTION bench.floor_after() RETURNS trigger
    LANGUAGE c AS :'floor', 'floor_after';
CREATE FUNCTION bench.spi_audit() RETURNS trigger
    LANGUAGE c AS :'floor', 'floor_audit';
CREATE FUNCTION bench.cpu() RETURNS bigint
    LANGUAGE c VOLATILE AS :'floor', 'floor_cpu';

-- bench_app writes.  It owns nothing and is a member of the owning party;
-- bench_other is there so that nobody's party is without a member.
CREATE ROLE bench_app LOGIN;
CREATE ROLE bench_other LOGIN;
CREATE ROLE bench_sales ROLE bench_other;
CREATE ROLE bench_billing ROLE bench_app;
GRANT USAGE ON SCHEMA bench TO bench_app;

-- Of 64 parties it is a member of every second one.
SELECT format('CREATE ROLE bench_p%s ROLE %s', to_char(i, 'FM00'),
              CASE WHEN i % 2 = 0 THEN 'bench_app' ELSE 'bench_other' END)
  FROM generate_series(0, 63) i \gexec

-- ---- tables ----

-- fillfactor leaves room for a second version of each row on its page.
CREATE TABLE bench.orders (
    id            bigint PRIMARY KEY,
    status        text NOT NULL,
    customer      text,
    total_price   numeric(12,2),
    tracking_code text,
    note          text,
    placed_at     timestamptz DEFAULT now()
) WITH (fillfactor = 45);
INSERT INTO bench.orders
SELECT i, (ARRAY['open', 'billed', 'held'])[i % 3 + 1], 'customer ' || i % 1000,
       i * 7 / 100.0, CASE WHEN i % 3 = 0 THEN 'T' || i END,
       'as agreed on the telephone',
       timestamptz '2025-01-01' + i * interval '1 second'
  FROM generate_series(1, :rows) i;

-- The same rows, in eight partitions.
CREATE TABLE bench.parts (LIKE bench.orders INCLUDING ALL)
    PARTITION BY HASH (id);
SELECT format('CREATE TABLE bench.parts_%s PARTITION OF bench.parts
                   FOR VALUES WITH (MODULUS 8, REMAINDER %s)
                   WITH (fillfactor = 45)', i, i)
  FROM generate_series(0, 7) i \gexec
INSERT INTO bench.parts SELECT * FROM bench.orders;

-- 64 attributes and 64 states, all numbers.
SELECT format('CREATE TABLE bench.wide (id bigint PRIMARY KEY,
                   status text NOT NULL, %s) WITH (fillfactor = 45)',
              string_agg(format('c%s bigint', to_char(i, 'FM00')), ', '))
  FROM generate_series(1, 64) i \gexec
SELECT format($$INSERT INTO bench.wide
                SELECT r, 's' || to_char(r %% 64, 'FM00'), %s
                  FROM generate_series(1, %s) r$$,
              string_agg(format('r * %s', i), ', '), :'rows')
  FROM generate_series(1, 64) i \gexec

-- 64 attributes of many types, some NULL, the state behind half of them.
CREATE FUNCTION bench.mixed_column(i int) RETURNS text LANGUAGE sql
BEGIN ATOMIC
    SELECT CASE WHEN i = 33 THEN 'status text NOT NULL, ' ELSE '' END
        || format('c%s %s', to_char(i, 'FM00'),
                  (ARRAY['bigint', 'int', 'text', 'boolean', 'numeric',
                         'timestamptz', 'text', 'double precision'])[i % 8 + 1]);
END;
CREATE FUNCTION bench.mixed_value(i int) RETURNS text LANGUAGE sql
BEGIN ATOMIC
    SELECT CASE WHEN i = 33 THEN $$'s' || to_char(r % 64, 'FM00'), $$ ELSE '' END
        || (ARRAY['r', 'r', $$'text ' || r$$, 'r % 2 = 0', 'r / 100.0',
                  $$timestamptz '2025-01-01' + r * interval '1 second'$$,
                  $$CASE WHEN r % 3 = 0 THEN 'sometimes' END$$,
                  'r * 0.5'])[i % 8 + 1];
END;
SELECT format('CREATE TABLE bench.mixed (id bigint PRIMARY KEY, %s)
                   WITH (fillfactor = 45)',
              string_agg(bench.mixed_column(i), ', ' ORDER BY i))
  FROM generate_series(1, 64) i \gexec
SELECT format('INSERT INTO bench.mixed SELECT r, %s
                   FROM generate_series(1, %s) r',
              string_agg(bench.mixed_value(i), ', ' ORDER BY i), :'rows')
  FROM generate_series(1, 64) i \gexec

GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA bench TO bench_app;

-- ---- documents ----

-- A document that governs one table; enforcement and audit as given.
CREATE FUNCTION bench.document(relation text, lifecycle jsonb, enforcement text,
                               audit text) RETURNS jsonb LANGUAGE sql
BEGIN ATOMIC
    SELECT jsonb_build_object(
        'kind', 'DataSpine', 'apiVersion', 'spine/v1',
        'stores', '{"main": {"kind": "postgres"}}'::jsonb,
        'parties', (SELECT jsonb_object_agg(replace(rolname, 'bench_', ''),
                               jsonb_build_object('kind', 'service',
                                                  'role', rolname))
                      FROM pg_roles
                     WHERE rolname ~ '^bench_(sales|billing|p\d\d)$'),
        'contexts', jsonb_build_object('bench', jsonb_build_object(
            'owner', 'billing',
            'datasets', jsonb_build_object(relation, jsonb_build_object(
                'relation', 'bench.' || relation,
                'enforcement', enforcement,
                'audit', audit,
                'sot', jsonb_build_object('store', 'main',
                                          'locator', 'bench.' || relation),
                'lifecycle', lifecycle)))));
END;

-- Orders: billing owns the states that the rows are in.  Nothing names note.
CREATE FUNCTION bench.lifecycle_orders() RETURNS jsonb LANGUAGE sql
RETURN '{"governing": "status",
  "entered_at": "placed_at",
  "states": {
    "draft": {"initial": true, "owner": "sales", "write": {"*": ["sales"]}},
    "open": {"initial": true, "owner": "billing", "locked": false,
      "write": {"total_price": ["billing"], "tracking_code": ["billing", "sales"]}},
    "billed": {"owner": "billing", "locked": false,
      "write": {"total_price": ["billing"], "customer": ["sales"]}},
    "held": {"owner": "billing", "locked": false,
      "write": {"total_price": ["billing"], "tracking_code": ["sales"]}},
    "closed": {"terminal": true}},
  "transitions": {
    "draft -> open": {"by": ["sales"]},
    "open -> billed": {"by": ["billing"]},
    "billed -> held": {"by": ["billing"]},
    "held -> open": {"by": ["billing"]},
    "billed -> closed": {"by": ["billing"]}}}'::jsonb;

-- 64 states in a ring, each owned by a party of its own; each of 64
-- attributes written by two parties in each state, another two each time.
-- c40 and c41 are the ones that bench_app may write in all of them.
CREATE FUNCTION bench.ring_writers(state int, attribute int) RETURNS jsonb
    LANGUAGE sql
BEGIN ATOMIC
    SELECT jsonb_build_array('p' || to_char(one, 'FM00'),
                             'p' || to_char((one + 1 + (state * 5 + attribute) % 63) % 64,
                                            'FM00'))
      FROM (SELECT CASE WHEN attribute IN (40, 41) THEN state / 2 * 2
                        ELSE (state + attribute) % 64 END AS one) first;
END;
CREATE FUNCTION bench.lifecycle_ring() RETURNS jsonb LANGUAGE sql
BEGIN ATOMIC
    SELECT jsonb_build_object(
        'governing', 'status',
        'states', (
            SELECT jsonb_object_agg('s' || to_char(s, 'FM00'), jsonb_build_object(
                       'initial', s = 0,
                       'owner', 'p' || to_char(s, 'FM00'),
                       'write', (
                           SELECT jsonb_object_agg('c' || to_char(a, 'FM00'),
                                                   bench.ring_writers(s, a))
                             FROM generate_series(1, 64) a)))
              FROM generate_series(0, 63) s),
        'transitions', (
            SELECT jsonb_object_agg('s' || to_char(s, 'FM00') || ' -> s'
                                        || to_char((s + step) % 64, 'FM00'),
                       jsonb_build_object('by', jsonb_build_array(
                           'p' || to_char(s, 'FM00'))))
              FROM generate_series(0, 63) s, unnest(ARRAY[1, 7, 31]) step));
END;

CREATE FUNCTION bench.govern(relation text, audit text) RETURNS bigint
    LANGUAGE plpgsql AS $$
BEGIN
    RETURN spine.apply(bench.document(relation,
        CASE WHEN relation IN ('wide', 'mixed') THEN bench.lifecycle_ring()
             ELSE bench.lifecycle_orders() END,
        CASE WHEN audit = 'off' THEN 'off' ELSE 'enforce' END,
        CASE WHEN audit = 'off' THEN 'none' ELSE audit END));
END $$;

-- The same rules, and one attribute that nobody may write, or again those who
-- might before.
CREATE FUNCTION bench.govern_attribute(relation text, attribute text, open boolean)
    RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    lifecycle jsonb := CASE WHEN relation = 'wide' THEN bench.lifecycle_ring()
                            ELSE bench.lifecycle_orders() END;
BEGIN
    IF NOT open THEN
        SELECT jsonb_set(lifecycle, '{states}', jsonb_object_agg(key,
                   CASE WHEN value #> ARRAY['write', attribute] IS NULL THEN value
                        ELSE jsonb_set(value, ARRAY['write', attribute], '[]') END))
          INTO lifecycle
          FROM jsonb_each(lifecycle -> 'states');
    END IF;
    RETURN spine.apply(bench.document(relation, lifecycle, 'enforce', 'none'));
END $$;

-- ---- what people use instead ----

-- The rules of bench.lifecycle_orders written out by hand.
CREATE FUNCTION bench.by_hand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id IS DISTINCT FROM OLD.id THEN
        RAISE insufficient_privilege USING MESSAGE = 'the key never changes';
    END IF;
    IF NEW.status IS DISTINCT FROM OLD.status THEN
        IF NOT ((OLD.status, NEW.status) IN (('open', 'billed'), ('billed', 'held'),
                                             ('held', 'open'), ('billed', 'closed'))
                AND pg_has_role('bench_billing', 'USAGE')
             OR (OLD.status, NEW.status) IN (('draft', 'open'))
                AND pg_has_role('bench_sales', 'USAGE')) THEN
            RAISE insufficient_privilege USING MESSAGE = 'no such transition';
        END IF;
        NEW.placed_at := now();
    END IF;
    IF NEW.total_price IS DISTINCT FROM OLD.total_price THEN
        IF OLD.status = 'draft' AND NOT pg_has_role('bench_sales', 'USAGE')
           OR OLD.status IN ('open', 'billed', 'held')
              AND NOT pg_has_role('bench_billing', 'USAGE')
           OR OLD.status = 'closed' THEN
            RAISE insufficient_privilege USING MESSAGE = 'total_price is not yours';
        END IF;
    END IF;
    IF NEW.tracking_code IS DISTINCT FROM OLD.tracking_code
       AND OLD.status IN ('draft', 'held', 'closed')
       AND NOT pg_has_role('bench_sales', 'USAGE') THEN
        RAISE insufficient_privilege USING MESSAGE = 'tracking_code is not yours';
    END IF;
    IF NEW.customer IS DISTINCT FROM OLD.customer
       AND OLD.status IN ('draft', 'billed', 'closed')
       AND NOT pg_has_role('bench_sales', 'USAGE') THEN
        RAISE insufficient_privilege USING MESSAGE = 'customer is not yours';
    END IF;
    RETURN NEW;
END $$;

-- The same from a table of rules, which fits any table.
CREATE TABLE bench.rule (
    status    text,
    attribute text,
    party     name,
    PRIMARY KEY (status, attribute, party)
);
INSERT INTO bench.rule
SELECT s.key, w.key, 'bench_' || p
  FROM jsonb_each(bench.lifecycle_orders() -> 'states') s,
       jsonb_each(s.value -> 'write') w,
       jsonb_array_elements_text(w.value) p;
GRANT SELECT ON bench.rule TO bench_app;

CREATE FUNCTION bench.by_table() RETURNS trigger LANGUAGE plpgsql AS $$
<<by_table>>
DECLARE
    attribute text;
BEGIN
    FOR attribute IN
        SELECT n.key
          FROM jsonb_each(to_jsonb(NEW)) n
          JOIN jsonb_each(to_jsonb(OLD)) o USING (key)
         WHERE n.value IS DISTINCT FROM o.value
    LOOP
        IF NOT EXISTS (SELECT FROM bench.rule r
                        WHERE r.status = OLD.status
                          AND r.attribute = by_table.attribute
                          AND pg_has_role(r.party, 'USAGE')) THEN
            RAISE insufficient_privilege
                USING MESSAGE = by_table.attribute || ' is not yours';
        END IF;
    END LOOP;
    RETURN NEW;
END $$;

-- Records of the writes, without an index, as spine keeps its own; none of
-- these asks whether the write is allowed.
CREATE TABLE bench.trail (
    at     timestamptz,
    actor  name,
    action text,
    key    bigint,
    old    numeric,
    new    numeric
);
CREATE TABLE bench.trail_records (
    at         timestamptz,
    actor      name,
    action     text,
    relation   oid,
    record     jsonb,
    old_record jsonb
);
GRANT INSERT ON bench.trail, bench.trail_records TO bench_app;

CREATE FUNCTION bench.plpgsql_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO bench.trail (at, actor, action, key, old, new)
    VALUES (clock_timestamp(), current_user, 'update', NEW.id, OLD.total_price,
            NEW.total_price);
    RETURN NULL;
END $$;

-- As supa_audit does: both rows as a whole.
CREATE FUNCTION bench.records_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO bench.trail_records (at, actor, action, relation, record, old_record)
    VALUES (clock_timestamp(), current_user, TG_OP, TG_RELID, to_jsonb(NEW),
            to_jsonb(OLD));
    RETURN NULL;
END $$;

-- What a CHECK and a policy can say of it: neither sees the old row together
-- with the new one.
CREATE FUNCTION bench.use_check() RETURNS void LANGUAGE sql AS $$
    ALTER TABLE bench.orders ADD CONSTRAINT rival
        CHECK (status IN ('draft', 'open', 'billed', 'held', 'closed')
               AND (status = 'draft' OR total_price IS NOT NULL)) NOT VALID $$;

CREATE POLICY rival ON bench.orders TO bench_app
    USING (status IN ('open', 'billed', 'held')
           AND pg_has_role('bench_billing', 'USAGE'))
    WITH CHECK (status IN ('open', 'billed', 'held', 'closed')
                AND pg_has_role('bench_billing', 'USAGE'));

VACUUM (ANALYZE, FREEZE);
CHECKPOINT;
