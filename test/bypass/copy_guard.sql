-- path: a registered copy, written by somebody other than its sync
-- group: statements
-- as: keeper
-- expect: denied 42501
UPDATE bp.plain_copy SET v = 7;
