-- path: the settings of spine
-- group: spine
-- as: stranger
-- expect: denied 42501 55P02 42704
SET spine.store = 'elsewhere';
UPDATE bp.plain SET v = 7;
