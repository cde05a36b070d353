-- path: UPDATE that moves a row to another partition
-- group: statements
-- as: keeper
-- expect: denied 42501
-- note: Judged once, as the UPDATE that it is.
UPDATE bp.part SET region = 'a' WHERE id = 2;
