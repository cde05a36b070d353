-- catalog: who may read the document and call its verbs.
-- apply and rollback are open to all: they judge the caller themselves.

REVOKE ALL ON spine.revision, spine.projection, spine.party, spine.asset,
    spine.entry, spine.pin, spine.dataset_subject FROM PUBLIC;
GRANT SELECT ON spine.revision, spine.projection, spine.party, spine.asset,
    spine.entry, spine.pin, spine.dataset_subject
    TO spine_reader, spine_steward, spine_auditor, spine_admin;

REVOKE ALL ON FUNCTION spine.plan(jsonb, boolean),
    spine.diff(bigint, bigint), spine.diff_rights(bigint, bigint, text),
    spine.export(text, timestamptz),
    spine.health(), spine.detach_all(), spine.refresh_projection(),
    spine.project(), spine.refuse_change() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION spine.plan(jsonb, boolean),
    spine.diff(bigint, bigint), spine.diff_rights(bigint, bigint, text),
    spine.export(text, timestamptz),
    spine.health()
    TO spine_reader, spine_steward, spine_auditor, spine_admin;
GRANT EXECUTE ON FUNCTION spine.detach_all(), spine.refresh_projection()
    TO spine_admin;
