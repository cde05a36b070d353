-- path: ALTER EVENT TRIGGER … DISABLE
-- group: spine
-- as: table_owner
-- expect: denied 42501
ALTER EVENT TRIGGER spine_refuse_drop DISABLE;
DROP EXTENSION spine CASCADE;
