-- path: a constraint that the dataset names
-- group: keys
-- as: stranger
-- expect: allowed
-- note: The audit says `fk`, and which constraint.
DELETE FROM bp.customer WHERE id = 5;
