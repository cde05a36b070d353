-- path: ENABLE ROW LEVEL SECURITY
-- group: definitions
-- as: table_owner
-- expect: harmless
-- note: Hides rows, opens none.
ALTER TABLE bp.plain ENABLE ROW LEVEL SECURITY;
CREATE POLICY everybody ON bp.plain USING (true);
