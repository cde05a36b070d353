-- path: a DO block that catches the refusal and goes on
-- group: statements
-- as: stranger
-- expect: harmless
DO $$
BEGIN
    UPDATE bp.plain SET v = 7;
EXCEPTION WHEN OTHERS THEN
    NULL;
END $$;
