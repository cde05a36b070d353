-- base: the roles that spine's own rights speak of.
-- Roles outlive the extension and belong to the whole cluster, so they are
-- created only where absent and never dropped.
DO $roles$
DECLARE
    role_name pg_catalog.text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['spine_reader', 'spine_steward', 'spine_auditor',
                                     'spine_admin', 'spine_publisher']::pg_catalog.text[]
    LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles r
                        WHERE r.rolname OPERATOR(pg_catalog.=) role_name::pg_catalog.name)
        THEN
            EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', role_name);
        END IF;
    END LOOP;
END
$roles$;

GRANT USAGE ON SCHEMA spine TO PUBLIC;
