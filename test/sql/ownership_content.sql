-- What the values of an attribute may never hold: the detectors by
-- themselves, and "forbid" on every way into a table.
SET client_min_messages = warning;

-- ---- detectors: what they find and what they leave alone ----

-- A tilde in a sample is left out, so that this file holds no secrets.
CREATE FUNCTION missed(detector text, wanted boolean, samples text[])
RETURNS TABLE (sample text, wanted boolean) LANGUAGE sql AS $$
	SELECT s, $2 FROM unnest(samples) s
	WHERE spine.detect(replace(s, '~', ''), detector) <> $2 $$;

-- Numbers that issuers give out for tests, alone and in text.
SELECT * FROM missed('card_number', true, ARRAY[
	'4111111111111111', '4242424242424242', '4000056655665556', '4012888888881881', '4222222222222',
	'5555555555554444', '5105105105105100', '2223003122003222', '2720992593319364',
	'378282246310005', '371449635398431', '378734493671000',
	'6011111111111117', '6011000990139424', '6011000000000012', '6445644564456445',
	'30569309025904', '38520000023237', '36227206271667',
	'3530111333300000', '3566002020360505', '6200000000000005', '6205500000000000004', '6304000000000000',
	'5019717010103742', '6759649826438453', '2200000000000053',
	'4111 1111 1111 1111', '4111-1111-1111-1111', '3782 822463 10005', '3782-822463-10005', '3056 930902 5904',
	'pay with 4111 1111 1111 1111, please', '4111 1111 1111 1111 123', '4111 1111 1111 1111 12/27', '6205 5000 0000 0000 004',
	'{"card":"4111111111111111"}', 'a=1,4111111111111111,5555555555554444', 'card:4111111111111111.', '(4111111111111111)',
	'卡号4111111111111111号', E'x\n4111111111111111\ny', '12 4111 1111 1111 1111']);

-- What is like one and is not: another check digit, another issuer, part of
-- something longer, or the number of something else.
SELECT * FROM missed('card_number', false, ARRAY[
	'', 'no digits', '4111111111111112', '4111 1111 1111 1112', '1111111111111117', '9999999999999995', '0000000000000000',
	'41111111111111111', '14111111111111111', '411111111111111', '41111111111111111111111111111111',
	'x4111111111111111', '4111111111111111x', '4111111111111111_1', 'id_4111111111111111',
	'0.4111111111111111', '4111111111111111.25', '+4111111111111111', '+4911112345678', '4911112345678', '+49 30 12345678', '(030) 1234 5678',
	'4111  1111  1111  1111', '4111 1111-1111 1111', '41111 11111 11111 1', '4111 1111 1111 1111 1111', '2024 4111 1111 1111 1111', '4111.1111.1111.1111',
	'550e8400-e29b-41d4-a716-446655440000', '12345678-4111-4111-8111-111111111111', 'd41d8cd98f00b204e9800998ecf8427e',
	'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', '4111111111111111a3b0c44298fc1c14',
	'DE89370400440532013000', 'DE89 3704 0044 0532 0130 00', 'DE44 5001 0517 5407 3249 31', 'GB29 NWBK 6016 1331 9268 19', 'FR14 2004 1010 0505 0001 3M02 606',
	'NO93 8601 1117 947', 'AZ21 NABZ 0000 0000 1370 1000 1944',
	'490154203237518', '356938035643809', '4006381333931', '9783161484100', '1700000000000', '1700000000000000', '20240131123456',
	'ORD-2024-000123', 'ORD4111111111111111', '114-3941689-8772232', '1Z999AA10123456784', '9400111899223397658538', '175928847299117063', '2024-01-31T12:34:56.123456789012345Z']);

SELECT * FROM missed('secret', true, ARRAY[
	E'-----BEGIN ~RSA PRIVATE KEY-----\nMII', '-----BEGIN ~PRIVATE KEY-----', '-----BEGIN ~OPENSSH PRIVATE KEY-----', '-----BEGIN ~EC PRIVATE KEY-----',
	'-----BEGIN ~ENCRYPTED PRIVATE KEY-----', '-----BEGIN ~PGP PRIVATE KEY BLOCK-----', 'PuTTY-User-~Key-File-3: ssh-ed25519', '{"k":"-----BEGIN ~PRIVATE KEY-----\n"}',
	'AK~IAIOSFODNN7EXAMPLE', 'id=AS~IAIOSFODNN7EXAMPLE;', 'AI~zaSyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe', 'GOC~SPX-1234567890abcdefghijklmn', 'ya~29.a0AfH6SMBxxxxxxxxxxxxxxxx',
	'gh~p_0123456789abcdefghijABCDEFGHIJ012345', 'gh~s_0123456789abcdefghijABCDEFGHIJ012345', 'github~_pat_11ABCDEFG0aBcDeFgHiJkL_0123456789abcdefghij', 'glp~at-0123456789abcdefghij',
	'xo~xb-123456789012-1234567890123-abcdefghijklmnop', 'xo~xp-123456789012-abcdefghij', 'xa~pp-1-A0123456789-0123456789',
	'sk~_live_0123456789abcdefghijklmn', 'rk~_test_0123456789abcdefghijklmn', 'wh~sec_0123456789abcdefghijklmnopqr', 'np~m_0123456789abcdefghijABCDEFGHIJ012345',
	'hv~s.CAESIJ0123456789abcdefghij', 'sk~-ant-api03-0123456789abcdefghijk',
	'eyJ~hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U', 'eyJ~hbGciOiJub25lIn0.eyJzdWIiOiIxMjM0In0.',
	'Authorization: Bea~rer abcdef0123456789abcdef', 'Ba~sic dXNlcjpwYXNzd29yZDEyMw==',
	'password=hunter2', 'PASSWORD=hunter2', 'pwd:hunter2', 'passwd = hunter2', 'password: hunter2', 'DB_PASSWORD=hunter2', 'spring.datasource.password=hunter2', 'userPassword: "hunter"',
	'"password": "hunter"', '''api_key'' => ''abcd1234''', 'api-key: abcd1234', 'client_secret=abcd', 'aws_secret_access_key = abcd/efgh', 'AccountKey=abcd;', '?password=hunter&x=1', 'passwort:geheim1',
	'postgres://app:hunter2@db/x', 'see https://u:p@host/ for it', 'redis://:hunter2@cache:6379', 'ftp://a:b:c@h']);

SELECT * FROM missed('secret', false, ARRAY[
	'', 'the password is in the vault', 'Password: required', 'password: must have digits', 'secret: never tell', 'password =', 'password=', 'password=""', 'password=abc',
	'password=****', 'password: ********', 'password=${PASSWORD}', 'password={{ vault }}', 'password=<your password>', 'password: %(pw)s', 'password=null', 'password=REDACTED', 'if password == given',
	'password_hash=abcdef', 'passwords=many', 'key=value', 'token=abcdef', 'tokens: 12345678',
	'-----BEGIN CERTIFICATE-----', '-----BEGIN PUBLIC KEY-----', '-----BEGIN PGP MESSAGE-----', '---- private key ----',
	'AKIAIOSFODNN7', 'AKIAIOSFODNN7EXAMPLEEXAMPLE', 'xAKIAIOSFODNN7EXAMPLE', 'ghp_short', 'risk_live_0123456789abcdefgh', 'sk-short', 'eyJhbGciOiJIUzI1NiJ9', 'eyJ.eyJ.eyJ', 'eyJhbGciOiJIUzI1NiJ9.x.y',
	'Bearer of good news, all of them', 'Basic instinct',
	'https://example.com:8080/a@b', 'https://user@example.com', 'https://example.com/?q=a:b@c', 'mailto:a:b@c', 'https://u:${P}@h', 'https://u:@h', 'a://b:c /@d',
	'550e8400-e29b-41d4-a716-446655440000', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', '12:34:56', 'C:\dir=x']);

CREATE EXTENSION pgcrypto;
SELECT * FROM missed('plain_text', true, ARRAY[
	'a', 'plain', 'a sentence in plain text, of a certain length', '4111111111111111', '41111111111111114111111111111111', '078-05-1120',
	'550e8400-e29b-41d4-a716-446655440000', 'enc:hello', 'enc:a sentence in plain text', 'vault:v1:hello', 'vault:v1:', 'k8s:enc:aescbc:v1:key:plain text', 'arn:aws:kms:eu-central-1:1:key/2:plain',
	E'-----BEGIN PGP MESSAGE-----\n\nall of this is plain\n=abcd\n-----END PGP MESSAGE-----', '-----BEGIN PGP MESSAGE-----',
	'thisisaverylongwordwithoutblanksinit', 'ThisIsAVeryLongWordWithoutBlanksInIt', 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', 'abababababababababababababababababab',
	'\x', '\x00', '\x000102030405060708090a0b0c0d0e', '\x00000000000000000000000000000000000000',
	encode('a sentence in plain text, of a certain length', 'base64'), encode('a sentence in plain text, of a certain length', 'hex'), '\x' || encode('größer als früher, überall möglich', 'hex'),
	'{"json": "plain"}', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U', 'H4sIAAAAAAAAA0tMSk5JTUvPyMzKzsnNyy8oLCouKS0rr6isAgB5G1OrGgAAAA==']);
SELECT * FROM missed('plain_text', false, ARRAY[
	'', pgp_sym_encrypt('a', 'key')::text, pgp_sym_encrypt(repeat('plain ', 1000), 'key')::text, armor(pgp_sym_encrypt('a', 'key')), armor(pgp_sym_encrypt('a', 'key'), ARRAY['Comment'], ARRAY['x']),
	encode(pgp_sym_encrypt('a', 'key'), 'base64'), encode(pgp_sym_encrypt('a', 'key'), 'hex'), encode(encrypt('one', '0123456789abcdef', 'aes'), 'hex'), encrypt('a longer text of more than a block', '0123456789abcdef', 'aes')::text,
	'vault:v1:8SDd3WHDOjf7mq69CyCqYjBXAiQQAVZRkFM13ok481zoCmHnSeDX9vyf7w==', 'enc:8SDd3WHDOjf7mq69CyCqYjBXAiQQAVZRkFM13ok481zoCmHnSeDX9vyf7w==', '{cipher}4e1d7ea82bb2e5ac41ae2ea05c2a7d3b0d0f0a1f',
	'k8s:enc:aescbc:v1:key1:8SDd3WHDOjf7mq69CyCqYjBXAiQQAVZRkFM13ok481zoCmHnSeDX9vyf7w==', 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd:AQICAHhDOjf7mq69CyCqYjBXAiQQAVZRkFM13ok481zoCmHnSQ==',
	'ENC[AES256_GCM,data:p673w==,iv:YY9kxqvVqUE=,tag:A/v8YVY=,type:str]', 'gAAAAABmEYxQ0mDOjf7mq69CyCqYjBXAiQQAVZRkFM13ok481zoCmHnSeDX9vyf7wR2b8tqLm0XyZ3Kp9Vh4cJ1sNq==',
	'\x4e1d7ea82bb2e5ac41ae2ea05c2a7d3b', '0x4E1D7EA82BB2E5AC41AE2EA05C2A7D3B']);

-- Hash digits look like ciphertext: all that is random does.
SELECT spine.detect(encode(digest('x', 'sha256'), 'hex'), 'plain_text') AS hash;
-- Ciphertext of any length is let through (2,000 values).
SELECT count(*) FROM generate_series(1, 1000) n
 WHERE spine.detect(encode(encrypt_iv(convert_to(repeat('p', n % 100), 'UTF8'), 'k', decode(md5(n::text), 'hex'), 'aes'), 'base64'), 'plain_text')
    OR spine.detect(encrypt_iv(convert_to(repeat('p', n % 100), 'UTF8'), 'k', decode(md5(n::text), 'hex'), 'aes')::text, 'plain_text');

SELECT spine.detect(NULL, 'secret'), spine.detect('x', NULL);
SELECT spine.detect('x', 'cards');		-- fails
SELECT provolatile, proparallel, proisstrict FROM pg_proc WHERE proname = 'detect';

-- ---- forbid: refused like any other write ----

CREATE ROLE regress_clerk;
CREATE ROLE regress_stranger;
CREATE SCHEMA till;
CREATE DOMAIN till.words AS text;
CREATE TABLE till.sale (
	id      int PRIMARY KEY,
	dropped text,
	note    text,
	tags    text[],
	short   varchar(40),
	code    till.words,
	amount  numeric,
	serial  bigint,
	doc     jsonb,
	ssn     bytea,
	plain   text
);
ALTER TABLE till.sale DROP COLUMN dropped;
GRANT USAGE ON SCHEMA till TO PUBLIC;
GRANT ALL ON till.sale TO PUBLIC;
INSERT INTO till.sale (id, note, doc) VALUES (1, 'old 4111111111111111', '{"old": "4111111111111111", "card": {"no": 4111111111111111}, "list": ["password=hunter2", "b"]}');
CREATE FUNCTION till.document(attributes jsonb, more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('kind', 'DataSpine', 'apiVersion', 'spine/v1', 'stores', '{"main": {"kind": "postgres"}}'::jsonb,
		'parties', '{"clerk": {"kind": "team", "role": "regress_clerk"}}'::jsonb,
		'contexts', jsonb_build_object('till', jsonb_build_object('owner', 'clerk', 'datasets', jsonb_build_object('sales',
			jsonb_build_object('relation', 'till.sale', 'sot', '{"store": "main"}'::jsonb, 'attributes', attributes) || more)))) $$;
SELECT spine.apply(till.document('{
	"note": {"forbid": ["card_number", "secret"]}, "tags": {"forbid": ["secret"]}, "short": {"forbid": ["card_number"]},
	"code": {"forbid": ["card_number"]}, "amount": {"forbid": ["card_number"]}, "serial": {"forbid": ["card_number"]},
	"doc": {"forbid": ["secret"]}, "doc.card": {"forbid": ["card_number"]}, "doc.items.[*].pan": {"forbid": ["card_number"]},
	"doc.pin": {"forbid": ["plain_text"]}, "ssn": {"forbid": ["plain_text"]}}'));

SET ROLE regress_clerk;
-- Every way to hold one.
INSERT INTO till.sale (id, note) VALUES (2, 'paid by 4111 1111 1111 1111');
DO $$ DECLARE s text; t text; c text; BEGIN
	INSERT INTO till.sale (id, note) VALUES (2, 'paid by 4111 1111 1111 1111');
EXCEPTION WHEN check_violation THEN
	GET STACKED DIAGNOSTICS s = SCHEMA_NAME, t = TABLE_NAME, c = COLUMN_NAME;
	RAISE WARNING '% % % %', SQLSTATE, s, t, c;
END $$;
INSERT INTO till.sale (id, note) VALUES (2, 'password=hunter2');
INSERT INTO till.sale (id, tags) VALUES (2, ARRAY['fine', 'password=hunter2']);
INSERT INTO till.sale (id, short) VALUES (2, '4111-1111-1111-1111');
INSERT INTO till.sale (id, code) VALUES (2, '4111-1111-1111-1111');
INSERT INTO till.sale (id, amount) VALUES (2, 4111111111111111.00);
INSERT INTO till.sale (id, serial) VALUES (2, 4111111111111111);
INSERT INTO till.sale (id, doc) VALUES (2, '{"a": [1, {"b": "password=hunter2"}]}');
INSERT INTO till.sale (id, doc) VALUES (2, '{"a": {"password": "hunter2"}}');
INSERT INTO till.sale (id, doc) VALUES (2, '{"password=hunter2": 1}');
INSERT INTO till.sale (id, doc) VALUES (2, '"password=hunter2"');
INSERT INTO till.sale (id, doc) VALUES (2, '{"card": "4111111111111111"}');
INSERT INTO till.sale (id, doc) VALUES (2, '{"card": {"no": 4111111111111111}}');
INSERT INTO till.sale (id, doc) VALUES (2, '{"items": [{"pan": "1"}, {"pan": "4111111111111111"}]}');
INSERT INTO till.sale (id, doc) VALUES (2, '{"pin": 1234}');
INSERT INTO till.sale (id, ssn) VALUES (2, '078-05-1120');

-- What holds none, and places that no rule speaks of.
INSERT INTO till.sale VALUES (2, 'paid', ARRAY['fine', NULL], '1234', '1234', 1.5, 7,
	'{"card": {"no": "1234"}, "other": "4111111111111111", "items": [{"n": "4111111111111111"}], "pin": null}',
	decode('4e1d7ea82bb2e5ac41ae2ea05c2a7d3b', 'hex'), '4111111111111111 password=hunter2');
INSERT INTO till.sale (id) VALUES (3);

-- Old data stays writable where it stays as it is.
UPDATE till.sale SET plain = 'new', serial = 8 WHERE id = 1;
UPDATE till.sale SET note = note, doc = doc || '{"more": "words"}' WHERE id = 1;
UPDATE till.sale SET doc = jsonb_set(doc, '{list,1}', '"c"') WHERE id = 1;
UPDATE till.sale SET note = note || '.' WHERE id = 1;
UPDATE till.sale SET doc = jsonb_set(doc, '{card}', '{"no": "4111111111111111"}') WHERE id = 1;
UPDATE till.sale SET doc = jsonb_set(doc, '{list,1}', '"password=hunter3"') WHERE id = 1;
UPDATE till.sale SET note = 'fine', doc = '{}' WHERE id = 1;

-- Every way into the table.
COPY till.sale (id, note) FROM stdin;
9	4111111111111111
\.
INSERT INTO till.sale VALUES (1) ON CONFLICT (id) DO UPDATE SET note = '4111111111111111';
MERGE INTO till.sale s USING (VALUES (1)) v(id) ON s.id = v.id WHEN MATCHED THEN UPDATE SET note = '4111111111111111';
WITH w AS (UPDATE till.sale SET note = '4111111111111111' WHERE id = 1 RETURNING 1) SELECT * FROM w;
-- The rights come first: a stranger learns nothing of detectors.
SET ROLE regress_stranger;
UPDATE till.sale SET note = '4111111111111111' WHERE id = 1;
RESET ROLE;

-- A trigger that changes the row before us is seen.
CREATE FUNCTION till.fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note := '4111111111111111'; RETURN NEW; END $$;
CREATE TRIGGER fill BEFORE INSERT OR UPDATE ON till.sale FOR EACH ROW EXECUTE FUNCTION till.fill();
SET ROLE regress_clerk;
UPDATE till.sale SET plain = 'x' WHERE id = 1;
INSERT INTO till.sale (id) VALUES (4);
RESET ROLE;
DROP TRIGGER fill ON till.sale;

-- Long values, packed and outside of the row.
SET ROLE regress_clerk;
UPDATE till.sale SET note = repeat('words ', 20000) || '4111111111111111' WHERE id = 1;
UPDATE till.sale SET note = repeat('words ', 20000) WHERE id = 1;
UPDATE till.sale SET plain = 'y' WHERE id = 1;
-- Deep documents are walked as deep as the server's stack allows.
INSERT INTO till.sale (id, doc) VALUES (5, (repeat('[', 5000) || '"password=hunter2"' || repeat(']', 5000))::jsonb);
RESET ROLE;

-- spine.may with values asks the same.
SELECT allowed, reason, rule FROM spine.may('regress_clerk', 'till.sale', '{"id": 1}', 'note', '{"note": "4111111111111111"}');
SELECT allowed, reason, rule FROM spine.may('regress_clerk', 'till.sale', '{"id": 1}', 'note', '{"note": "fine"}');
SELECT allowed, reason, rule FROM spine.may('regress_clerk', 'till.sale', NULL, 'insert', '{"id": 7, "note": "password=hunter2"}');

-- observe lets it pass and says so, without the value.
SELECT spine.apply(till.document('{"note": {"forbid": ["card_number"]}}', '{"enforcement": "observe"}')) > 0 AS applied;
SET ROLE regress_clerk;
UPDATE till.sale SET note = '4111111111111111' WHERE id = 1;
RESET ROLE;
SELECT action, key, attribute, sqlstate, message, mode, rule FROM spine.denied ORDER BY xid, n;
SELECT count(*) FROM spine.denied d WHERE d::text ~ '4111';
SELECT spine.apply(till.document('{"note": {"forbid": ["card_number"]}}', '{"enforcement": "off"}')) > 0 AS applied;
SET ROLE regress_clerk;
UPDATE till.sale SET note = '4111111111111111' || id WHERE id = 1;
RESET ROLE;

-- ---- with states, partitions, children ----

CREATE TABLE till.bill (id int, state text DEFAULT 'open', place text DEFAULT 'a', memo text, PRIMARY KEY (id, place)) PARTITION BY LIST (place);
CREATE TABLE till.bill_a PARTITION OF till.bill FOR VALUES IN ('a');
CREATE TABLE till.bill_b (memo text, id int NOT NULL, junk text, place text NOT NULL, state text DEFAULT 'open');
ALTER TABLE till.bill_b DROP COLUMN junk;
ALTER TABLE till.bill ATTACH PARTITION till.bill_b FOR VALUES IN ('b');
CREATE TABLE till.item (bill int, place text, n int, memo text, PRIMARY KEY (bill, place, n));
GRANT ALL ON till.bill, till.bill_a, till.bill_b, till.item TO PUBLIC;
SELECT spine.apply(jsonb_set(till.document('{}'), '{contexts,till,datasets}', '{"bills": {"relation": "till.bill", "key": ["id"], "sot": {"store": "main"},
	"attributes": {"memo": {"forbid": ["card_number"]}},
	"lifecycle": {"governing": "state",
		"states": {"open": {"initial": true, "owner": "clerk", "write": {"*": ["clerk"]}}, "done": {"owner": "clerk", "write": {"place": ["clerk"]}}},
		"transitions": {"open -> done": {"by": ["clerk"], "with_write": ["memo"]}},
		"children": {"items": {"relation": "till.item", "via": ["bill"], "write": {"open": ["clerk"]}}}}}}')) > 0 AS applied;
SET ROLE regress_clerk;
INSERT INTO till.bill (id, memo) VALUES (1, 'fine'), (2, '4111111111111111');
INSERT INTO till.bill_b (id, place, memo) VALUES (3, 'b', '4111111111111111');
INSERT INTO till.bill (id, place, memo) VALUES (1, 'a', 'fine'), (2, 'b', 'fine');
UPDATE till.bill SET state = 'done', memo = '4111111111111111' WHERE id = 1;
UPDATE till.bill SET memo = '4111111111111111' WHERE id = 2;
UPDATE till.bill_b SET memo = '4111111111111111' WHERE id = 2;
-- A row that moves takes a new value along, or an old one.
UPDATE till.bill SET place = 'b', memo = '4111111111111111' WHERE id = 1;
UPDATE till.bill SET place = 'b', memo = 'finer' WHERE id = 1;
SELECT tableoid::regclass, id, state, memo FROM till.bill ORDER BY id;
-- The rule is about the bill, not about what belongs to it.
INSERT INTO till.item VALUES (1, 'a', 1, '4111111111111111');
RESET ROLE;

CREATE TABLE till.log (id int PRIMARY KEY, memo text);
CREATE TABLE till.log_more (extra text) INHERITS (till.log);
GRANT ALL ON till.log, till.log_more TO PUBLIC;
SELECT spine.apply(jsonb_set(till.document('{}'), '{contexts,till,datasets}', '{"logs": {"relation": "till.log", "sot": {"store": "main"},
	"attributes": {"memo": {"forbid": ["secret"]}}}}')) > 0 AS applied;
SET ROLE regress_clerk;
INSERT INTO till.log_more VALUES (1, 'password=hunter2', '');
INSERT INTO till.log_more VALUES (1, 'fine', 'password=hunter2');
UPDATE till.log SET memo = 'password=hunter2';
RESET ROLE;

-- ---- what validate says ----

CREATE TABLE till.odd (id int PRIMARY KEY, n int, at date, doc jsonb, raw bytea, made text GENERATED ALWAYS AS ('x') STORED, label text, docs jsonb[], u uuid);
SELECT f.severity, f.code, f.pointer, f.message, f.hint FROM spine.validate(jsonb_set(till.document('{}'), '{contexts,till,datasets}', '{"odd": {"relation": "till.odd", "sot": {"store": "main"},
	"attributes": {"n": {"forbid": ["card_number"]}, "at": {"forbid": ["secret"]}, "doc": {"forbid": ["plain_text", "secret"]}, "doc.pin": {"encrypted": true, "forbid": ["plain_text"]},
		"raw": {"forbid": ["secret", "plain_text"]}, "made": {"forbid": ["secret"]}, "label": {"encrypted": true}, "label.x": {"forbid": ["secret"]},
		"gone": {"forbid": ["secret"]}, "docs": {"forbid": ["secret"]}, "u": {"forbid": ["card_number"]}, "id": {"forbid": ["card_number"]}}}}')) f ORDER BY f.pointer, f.code;
SELECT f.severity, f.code, f.pointer FROM spine.validate(jsonb_set(till.document('{}'), '{contexts,till,datasets}', '{"odd": {"relation": "till.odd", "sot": {"store": "main"}, "enforcement": "off",
	"attributes": {"n": {"forbid": ["card_number"]}}}}')) f;

-- A rule about the key: the denied row has no key then, since that would be
-- the value.
CREATE TABLE till.paid (card text PRIMARY KEY, n int);
GRANT ALL ON till.paid TO PUBLIC;
SELECT spine.apply(jsonb_set(till.document('{}'), '{contexts,till,datasets}', '{"paid": {"relation": "till.paid", "sot": {"store": "main"}, "enforcement": "observe",
	"attributes": {"card": {"forbid": ["card_number"]}}}}')) > 0 AS applied;
SET ROLE regress_clerk;
INSERT INTO till.paid VALUES ('4111111111111111', 1);
RESET ROLE;
SELECT action, key, attribute, message FROM spine.denied WHERE dataset = 'till.paid';

-- ---- around it: the sheet, the plan, and who may change such a rule ----

CREATE ROLE regress_label;
SELECT spine.apply(jsonb_set(till.document('{"note": {"description": "Words.", "forbid": ["card_number", "secret"]}, "code": {}}', '{"enforcement": "observe", "delegates": {"label": ["classification", "schema_change", "shape_evolution"]}}'),
	'{parties,label}', '{"kind": "team", "role": "regress_label"}')) > 0 AS applied;
SELECT line FROM regexp_split_to_table(spine.export_markdown('till.sales'), '\n') line WHERE line ~ 'not hold|Words|code';
CREATE FUNCTION pg_temp.with_note(note jsonb) RETURNS jsonb LANGUAGE sql AS
	$$ SELECT jsonb_set(spine.export(), '{contexts,till,datasets,sales,attributes,note}', note) $$;
SELECT key, risk FROM spine.plan(pg_temp.with_note('{"description": "Other words.", "forbid": ["card_number", "secret"]}'));
SELECT key, risk FROM spine.plan(pg_temp.with_note('{"description": "Words.", "forbid": ["secret"]}'));
SELECT pg_temp.with_note('{"description": "Words."}') AS less, spine.export() #- '{contexts,till,datasets,sales,attributes,note}' AS gone \gset
GRANT USAGE ON SCHEMA spine TO regress_label;
SET ROLE regress_label;
SELECT spine.apply(:'less');			-- fails
SELECT spine.apply(:'gone', prune => true);		-- fails
RESET ROLE;
