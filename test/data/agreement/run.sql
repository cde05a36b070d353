-- Running the cases: for each, ask spine.may, run the statement as the role,
-- roll it back, and write down wherever two of the three witnesses (the
-- statement, spine.may, the oracle) disagree.  One backend runs all of it, so
-- that what it caches must follow the changes of rules and memberships.
CREATE TABLE agree.cases (
    id         integer PRIMARY KEY,
    dataset    integer NOT NULL,
    kind       text NOT NULL,
    form       text NOT NULL,      -- how the statement is written
    role       name NOT NULL,      -- whom spine.may is asked about
    run_as     name NOT NULL,
    relation   text NOT NULL,
    key        jsonb,
    action     text,               -- NULL: spine.may has no word for it
    changes    jsonb,
    statement  text NOT NULL,
    verdict    text NOT NULL,      -- of the oracle: '' or SQLSTATEs
    expected   text NOT NULL,      -- of the statement, in this mode
    compare    boolean NOT NULL,   -- is spine.may with changes exact?
    bare       text,               -- and without: exact, implies or NULL
    rows       bigint,
    verify     text,
    who        text[],
    next_state text
);

CREATE TABLE agree.disagreements (
    id      integer NOT NULL,
    between text NOT NULL,
    detail  text NOT NULL
);

-- One row per kind, form and what came of it.
CREATE TABLE agree.counts (
    kind    text NOT NULL,
    form    text NOT NULL,
    outcome text NOT NULL,
    cases   bigint NOT NULL,
    asked   bigint NOT NULL
);

CREATE FUNCTION agree.disagree(c agree.cases, between_whom text, what text)
    RETURNS void LANGUAGE sql AS $$
    INSERT INTO agree.disagreements VALUES (c.id, between_whom, what)
$$;

-- The SQLSTATE that a reason of spine.may stands for.
CREATE FUNCTION agree.sqlstate_of(reason text) RETURNS text
    LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE reason
        WHEN 'not_initial' THEN 'SP001'
        WHEN 'no_transition' THEN 'SP001'
        WHEN 'guard' THEN 'SP002'
        WHEN 'version' THEN '40001'
        ELSE '42501' END
$$;

-- Run a case's statement and roll it back; its SQLSTATE, or ''.
CREATE FUNCTION agree.try(c agree.cases, OUT code text, OUT message text)
    LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
    good boolean;
BEGIN
    BEGIN
        PERFORM set_config('role', c.run_as, true);
        EXECUTE c.statement;
        GET DIAGNOSTICS n = ROW_COUNT;
        IF c.verify IS NOT NULL THEN
            PERFORM set_config('role', 'none', true);
            EXECUTE c.verify INTO good;
        END IF;
        RAISE EXCEPTION USING ERRCODE = 'AG000';
    EXCEPTION WHEN OTHERS THEN
        code := SQLSTATE;
        message := SQLERRM;
    END;
    IF code = 'AG000' THEN
        code := '';
        IF n <> c.rows THEN
            message := format('%s rows instead of %s', n, c.rows);
        ELSIF NOT good THEN
            message := 'the row is not as predicted';
        ELSE
            message := NULL;
        END IF;
    END IF;
END $$;

CREATE FUNCTION agree.ask(c agree.cases, with_changes boolean)
    RETURNS TABLE (allowed boolean, reason text, who_may text[])
    LANGUAGE sql AS $$
    SELECT allowed, reason, who_may
    FROM spine.may(c.role, c.relation::regclass, c.key, c.action,
                   CASE WHEN with_changes THEN c.changes END)
$$;

CREATE PROCEDURE agree.run(first integer, last integer, pass integer)
    LANGUAGE plpgsql AS $$
DECLARE
    c agree.cases;
    outcome record;
    answer record;
    follow record;
    asked integer;
    last_dataset integer := -1;
BEGIN
    FOR c IN SELECT * FROM agree.cases WHERE id BETWEEN first AND last
             ORDER BY id LOOP
        IF c.dataset <> last_dataset THEN
            COMMIT;
            last_dataset := c.dataset;
        END IF;
        asked := 0;
        outcome := agree.try(c);

        -- the statement and the oracle
        IF NOT (outcome.code = c.expected OR outcome.code = ANY
                (string_to_array(c.expected, '|'))) THEN
            PERFORM agree.disagree(c, 'statement and oracle', format(
                'statement: %s %s', outcome.code, outcome.message));
        ELSIF outcome.code = '' AND outcome.message IS NOT NULL THEN
            PERFORM agree.disagree(c, 'row and oracle', outcome.message);
        END IF;
        IF c.expected <> c.verdict THEN
            outcome.code := c.verdict;  -- may judges as if enforced
        END IF;

        -- the statement and spine.may, told the values
        IF c.action IS NOT NULL AND c.changes IS NOT NULL THEN
            BEGIN
                SELECT * INTO answer FROM agree.ask(c, true);
            EXCEPTION WHEN OTHERS THEN
                SELECT NULL::boolean AS allowed, NULL::text[] AS who_may,
                       SQLSTATE || ' ' || SQLERRM AS reason INTO answer;
            END;
            asked := asked + 1;
            IF answer.allowed IS NULL OR c.compare AND
               (answer.allowed <> (outcome.code = '') OR NOT answer.allowed
                AND agree.sqlstate_of(answer.reason) <> outcome.code) THEN
                PERFORM agree.disagree(c, 'statement and may with values',
                    format('statement: %s %s; may: %s %s', outcome.code,
                           outcome.message, answer.allowed, answer.reason));
            END IF;
        END IF;

        -- the statement and spine.may, without values
        IF c.action IS NOT NULL THEN
            BEGIN
                SELECT * INTO answer FROM agree.ask(c, false);
            EXCEPTION WHEN OTHERS THEN
                SELECT NULL::boolean AS allowed, NULL::text[] AS who_may,
                       SQLSTATE || ' ' || SQLERRM AS reason INTO answer;
            END;
            asked := asked + 1;
            IF c.kind = 'no row' THEN
                IF answer.allowed OR answer.reason <> 'no_row' THEN
                    PERFORM agree.disagree(c, 'may', format('%s %s',
                        answer.allowed, answer.reason));
                END IF;
            ELSIF answer.allowed IS NULL OR
                c.bare = 'exact' AND answer.reason <> 'guard_unknown' AND
                (answer.allowed <> (outcome.code = '') OR NOT answer.allowed
                 AND agree.sqlstate_of(answer.reason) <> outcome.code) OR
                c.bare IS NOT NULL AND NOT answer.allowed AND
                outcome.code = '' THEN
                PERFORM agree.disagree(c, 'statement and may without values',
                    format('statement: %s %s; may: %s %s', outcome.code,
                           outcome.message, answer.allowed, answer.reason));
            END IF;
            IF c.who IS NOT NULL AND NOT answer.allowed AND ARRAY(
                   SELECT w FROM unnest(answer.who_may) w ORDER BY w
                   COLLATE "C") <> c.who THEN
                PERFORM agree.disagree(c, 'who_may and oracle', format(
                    'may: %s', answer.who_may));
            END IF;
            IF c.next_state IS NOT NULL AND
               answer.reason NOT IN ('no_transition', 'no_change') THEN
                BEGIN
                    SELECT n.allowed, n.reason INTO follow
                    FROM spine.next_states(c.role, c.relation::regclass,
                                           c.key) n
                    WHERE n.state = c.next_state;
                EXCEPTION WHEN OTHERS THEN
                    SELECT NULL::boolean AS allowed,
                           SQLSTATE || ' ' || SQLERRM AS reason INTO follow;
                END;
                IF (follow.allowed, follow.reason) IS DISTINCT FROM
                   (answer.allowed, answer.reason) THEN
                    PERFORM agree.disagree(c, 'may and next_states', format(
                        'may: %s %s; next_states: %s %s', answer.allowed,
                        answer.reason, follow.allowed, follow.reason));
                END IF;
            END IF;
        END IF;

        INSERT INTO agree.counts
            VALUES (c.kind, c.form, outcome.code, 1, asked);
    END LOOP;
    COMMIT;
END $$;
