-- path: a forged audit row
-- group: spine
-- as: stranger
-- expect: denied 42501
INSERT INTO spine.audit_log DEFAULT VALUES;
