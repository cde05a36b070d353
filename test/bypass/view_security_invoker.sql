-- path: an updatable view with security_invoker
-- group: statements
-- as: stranger
-- expect: denied 42501
CREATE VIEW play.seen WITH (security_invoker) AS SELECT * FROM bp.plain;
UPDATE play.seen SET v = 7;
