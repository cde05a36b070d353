-- path: ALTER TYPE … ADD VALUE, and a row brought to the new state
-- group: definitions
-- as: table_owner
-- expect: denied SP001
ALTER TYPE bp.state ADD VALUE 'free';
\connect - keeper
UPDATE bp.doc SET state = 'free' WHERE id = 1;
