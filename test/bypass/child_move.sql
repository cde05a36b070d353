-- path: a child row moved below another parent
-- group: statements
-- as: keeper
-- expect: denied 42501
UPDATE bp.line SET doc = 1 WHERE doc = 2;
