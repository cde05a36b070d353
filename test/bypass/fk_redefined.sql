-- path: a named constraint that the table's owner points to a table of its own
-- group: keys
-- as: table_owner
-- expect: documented: the constraint is the owner's to define; the audit names it, and `plan` and the DDL guard's log show the change
CREATE TABLE bp.mine (id int PRIMARY KEY);
INSERT INTO bp.mine SELECT generate_series(1, 9);
ALTER TABLE bp.named DROP CONSTRAINT named_customer;
ALTER TABLE bp.named ADD CONSTRAINT named_customer FOREIGN KEY (customer) REFERENCES bp.mine ON DELETE CASCADE;
DELETE FROM bp.mine WHERE id = 4;
