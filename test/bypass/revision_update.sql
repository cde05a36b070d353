-- path: UPDATE of spine.revision
-- group: spine
-- as: stranger
-- expect: denied 42501
UPDATE spine.revision SET document = '{}';
