-- path: the setting `event_triggers`
-- group: spine
-- as: table_owner
-- expect: denied 42501
-- from: 17
SET event_triggers = off;
ALTER TABLE bp.plain DISABLE TRIGGER ALL;
