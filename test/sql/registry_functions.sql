-- What the registry's functions ask of their arguments.

SELECT spine.is_compatible('XML', 'FULL', '', '{}');
SELECT spine.is_compatible(NULL, 'FULL', '', '{}');
SELECT spine.canonical_schema('AVRO', NULL);
SELECT * FROM spine.lint_schema(NULL, '');
