-- Subjects: versions, who may publish, levels, references, deletion.
SET client_min_messages = warning;
CREATE ROLE regress_owner; CREATE ROLE regress_delegate; CREATE ROLE regress_publisher; CREATE ROLE regress_stranger;
GRANT spine_publisher TO regress_publisher;
SELECT spine.apply('{"kind": "DataSpine", "apiVersion": "spine/v1", "stores": {"main": {"kind": "postgres"}},
  "parties": {"owner": {"kind": "team", "role": "regress_owner"}, "delegate": {"kind": "team", "role": "regress_delegate"}},
  "contexts": {"shop": {"owner": "owner", "datasets": {"orders": {"sot": {"store": "main"}, "delegates": {"delegate": ["schema_change"]},
    "subjects": ["order-value"]}}}}}') > 0 AS applied;
SET ROLE regress_owner;
SELECT * FROM spine.publish_schema('order-value', '{"columns": {"id": {"type": {"name": "integer"}}}}', 'TABLE');
SELECT * FROM spine.publish_schema('order-value', ' { "columns" : {"id": {"type": {"name": "integer"}}}}', 'TABLE');
SELECT * FROM spine.check_schema('order-value', '{"columns": {"id": {"type": {"name": "text"}}}}', 'TABLE');
SELECT * FROM spine.publish_schema('order-value', '{"columns": {"id": {"type": {"name": "bigint"}}}}', 'TABLE');
SELECT spine.set_level('order-value', 'BACKWARD');
SELECT * FROM spine.publish_schema('order-value', '{"columns": {"id": {"type": {"name": "bigint"}}}}', 'TABLE');
SELECT * FROM spine.publish_schema('order-value', '{"columns": {"id": {"type": {"name": "bigint"}}, "note": {"type": {"name": "text"}}}}', 'TABLE', '{"semver": "2.5.0"}');
SELECT * FROM spine.publish_schema('order-value', '{"columns": {"id": {"type": {"name": "bigint"}}, "n": {"type": {"name": "text"}}, "note": {"type": {"name": "text"}}}}', 'TABLE', '{"semver": "2.5.1"}');
SELECT * FROM spine.publish_schema('order-value', '{"columns": {"id": {"type": {"name": "bigint"}}, "n": {"type": {"name": "text"}}, "note": {"type": {"name": "text"}}}}', 'TABLE', '{"version": 3}');
SELECT * FROM spine.rollback_schema('order-value', 1);
SELECT * FROM spine.rollback_schema('order-value', 9);
SELECT * FROM spine.lookup_schema('order-value', '{"columns": {"id": {"type": {"name": "integer"}}}}', 'TABLE');
SELECT spine.delete_schema('order-value', 2);
SELECT spine.delete_schema('order-value', 2);
SELECT spine.delete_schema('order-value', 3, true);
SELECT spine.delete_schema('order-value', 2, true);
RESET ROLE;
SELECT subject, version, semver, id, origin, deleted FROM spine.subject_version ORDER BY 1, 2;
SELECT version, semver, kind, path, backward, forward FROM spine.schema_changelog ORDER BY 1, 2, 3, 4;
SELECT * FROM spine.list_subjects();
SELECT version, semver FROM spine.get_subject('order-value');
SELECT topic, dataset, key, payload FROM spine.outbox WHERE topic = 'SchemaPublished' ORDER BY 3;
SELECT dataset, action, key, new, actor FROM spine.audit_log WHERE via = 'registry' ORDER BY at, n;

-- Who may.
SET ROLE regress_delegate;
SELECT created FROM spine.publish_schema('order-value', '{"columns": {"id": {"type": {"name": "integer"}}, "x": {"type": {"name": "text"}}}}', 'TABLE');
SET ROLE regress_publisher;
SELECT created FROM spine.publish_schema('order-value', '{"columns": {"id": {"type": {"name": "integer"}}}}', 'TABLE');
SELECT created FROM spine.publish_schema(':.test:free', '{"columns": {"id": {"type": {"name": "integer"}}}}', 'TABLE');
SET ROLE regress_stranger;
SELECT created FROM spine.publish_schema('free', '{"columns": {"id": {"type": {"name": "integer"}}}}', 'TABLE');
SELECT * FROM spine.check_schema('free', '{"columns": {"id": {"type": {"name": "integer"}}}}', 'TABLE');
SELECT spine.set_level('', 'NONE');
SELECT spine.set_mode('order-value', 'READONLY');
-- Where it fails is told differently by versions.
\set SHOW_CONTEXT never
SELECT * FROM spine.list_subjects();
\set SHOW_CONTEXT errors
RESET ROLE;

-- Names, options, modes.
SELECT * FROM spine.check_schema('ids', '{}', 'TABLE');
SELECT * FROM spine.check_schema('', '{}', 'TABLE');
SELECT * FROM spine.check_schema(':.x', '{}', 'TABLE');
SELECT * FROM spine.check_schema('x', '{"columns": {}}', 'TABLE', '{"versoin": 1}');
SELECT * FROM spine.check_schema('x', '{"columns": {}}', 'TABLE', '{"references": [{"name": "a"}]}');
SELECT * FROM spine.check_schema('x', '{"columns": {}}', 'TABLE', '{"references": [{"name": "a", "subject": "y", "version": 1}]}');
SELECT * FROM spine.check_schema('x', '{"columns": {}}', 'TABLE');
SELECT spine.set_mode('', 'READONLY');
SET ROLE regress_publisher;
SELECT created FROM spine.publish_schema('free', '{"columns": {"id": {"type": {"name": "integer"}}}}', 'TABLE');
RESET ROLE;
SELECT spine.get_mode(), spine.get_level('order-value'), spine.get_level();
SELECT spine.set_mode('', 'SOMETIMES');
SELECT spine.set_mode('', NULL);

-- References: found, kept, guarded.
SET ROLE regress_publisher;
SELECT id, version FROM spine.publish_schema('money', '{"type": "record", "name": "Money", "fields": [{"name": "cents", "type": "long"}]}');
SELECT id, version FROM spine.publish_schema('bill', '{"type": "record", "name": "Bill", "fields": [{"name": "total", "type": "Money"}]}');
SELECT id, version FROM spine.publish_schema('bill', '{"type": "record", "name": "Bill", "fields": [{"name": "total", "type": "Money"}]}', 'AVRO',
    '{"references": [{"name": "Money", "subject": "money", "version": 1}]}');
SELECT id, version FROM spine.publish_schema('books', '{"type": "array", "items": "Bill"}', 'AVRO',
    '{"references": [{"name": "Bill", "subject": "bill", "version": 1}]}');
SELECT "references" FROM spine.subject_version WHERE subject = 'bill';
SELECT spine.delete_schema('money');
SELECT spine.delete_schema('books'), spine.delete_schema('bill');
SELECT spine.delete_schema('money');
SELECT spine.delete_schema('money', NULL, true);
SELECT spine.delete_schema('books', NULL, true), spine.delete_schema('bill', NULL, true), spine.delete_schema('money', NULL, true);
SELECT spine.delete_schema('money');
SELECT spine.delete_schema('money', 7);

-- Another type, other metadata, groups, tags.
SELECT id, version, semver FROM spine.publish_schema('kinds', '"long"');
SELECT id, version, semver FROM spine.publish_schema('kinds', '{"columns": {}}', 'TABLE');
SELECT id, version, semver FROM spine.publish_schema('kinds', '"long"', 'AVRO', '{"metadata": {"properties": {"major": "1"}, "tags": {"**.email": ["pii:email"]}}}');
SELECT spine.set_level('kinds', 'FULL_TRANSITIVE', '{"group": "major"}');
SELECT id, version, semver FROM spine.publish_schema('kinds', '"string"', 'AVRO', '{"metadata": {"properties": {"major": "1"}}}');
SELECT id, version, semver FROM spine.publish_schema('kinds', '"string"', 'AVRO', '{"metadata": {"properties": {"major": "2"}}}');
RESET ROLE;
SELECT subject, version, path, tag FROM spine.schema_tag ORDER BY 1, 2, 3;

-- IMPORT takes ids and versions as they were elsewhere.
SET ROLE regress_publisher;
SELECT spine.set_mode('kinds', 'IMPORT');
SELECT spine.set_mode('old', 'IMPORT');
SELECT id, version FROM spine.publish_schema('old', '"int"');
SELECT id, version FROM spine.publish_schema('old', '"int"', 'AVRO', '{"id": 1000, "version": 5}');
SELECT id, version FROM spine.publish_schema('old', '"boolean"', 'AVRO', '{"id": 1000, "version": 6}');
SELECT id, version FROM spine.publish_schema('old', '"bytes"', 'AVRO', '{"id": 1001, "version": 5}');
SELECT spine.set_mode('old', 'READWRITE');
SELECT version FROM spine.publish_schema('old', '"long"');
RESET ROLE;
SELECT count(*) FROM spine.get_schema(1000);
SELECT * FROM spine.publish_schema('kinds', NULL);
SELECT spine.delete_schema(NULL);
SELECT spine.rollback_schema('old', NULL), spine.set_level(NULL, 'FULL'), spine.set_mode(NULL, NULL);
SELECT spine.set_level('old', 'SOME');
SELECT spine.set_level('old', 'FULL', '{"polcy": "lenient"}');
BEGIN READ ONLY;
SELECT spine.delete_schema('old');
ROLLBACK;
