-- path: a registered copy, written by its sync
-- group: statements
-- as: loader
-- expect: allowed
UPDATE bp.plain_copy SET v = 7;
