-- path: DELETE of the audit log
-- group: spine
-- as: stranger
-- expect: denied 42501
DELETE FROM spine.audit_log;
