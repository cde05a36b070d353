-- path: PREPARE TRANSACTION
-- group: statements
-- as: stranger
-- expect: denied 42501
BEGIN;
UPDATE bp.plain SET v = 7;
PREPARE TRANSACTION 'bypass';
