-- consistency: what stands of each copy, and what keeps it so by itself.

CREATE VIEW spine.consistency AS
    SELECT t.placement, t.dataset, t.kind, t.max_lag,
           l.run_id AS last_run, l.finished_at AS last_checked, l.mode AS last_mode, l.verdict,
           p.finished_at AS last_proof,
           pg_catalog.now() OPERATOR(pg_catalog.-) p.finished_at AS proof_age,
           (SELECT pg_catalog.count(*) FROM spine.drift_log d
             WHERE d.placement OPERATOR(pg_catalog.=) t.placement AND d.closed_at IS NULL
               AND d.confirmed_at IS NOT NULL) AS drift_open,
           (SELECT pg_catalog.count(*) FROM spine.drift_log d
             WHERE d.placement OPERATOR(pg_catalog.=) t.placement AND d.closed_at IS NULL
               AND d.confirmed_at IS NULL) AS suspects
      FROM spine.topology t
      LEFT JOIN LATERAL (SELECT c.* FROM spine.check_log c
                          WHERE c.placement OPERATOR(pg_catalog.=) t.placement
                          ORDER BY c.run_id DESC LIMIT 1) l ON true
      LEFT JOIN LATERAL (SELECT c.* FROM spine.check_log c
                          WHERE c.placement OPERATOR(pg_catalog.=) t.placement
                            AND c.verdict OPERATOR(pg_catalog.=) 'equal' AND c.complete
                          ORDER BY c.run_id DESC LIMIT 1) p ON true
     WHERE t.kind OPERATOR(pg_catalog.=) ANY (ARRAY['replica', 'cache', 'snapshot', 'derived']);
REVOKE ALL ON spine.consistency FROM PUBLIC;
GRANT SELECT ON spine.consistency TO spine_steward, spine_auditor, spine_admin;
COMMENT ON VIEW spine.consistency IS
    'Each copy of the document: when it was last compared and with what verdict, when it was last proved equal, what is open';
