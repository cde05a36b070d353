-- path: UPDATE of the inheriting table by its own name
-- group: statements
-- as: stranger
-- expect: denied 42501
UPDATE bp.base_kid SET v = 7;
