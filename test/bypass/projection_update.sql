-- path: UPDATE of the projection
-- group: spine
-- as: stranger
-- expect: denied 42501
UPDATE spine.asset SET relation = NULL;
