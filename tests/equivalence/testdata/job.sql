PRAGMA journal_mode = WAL;
CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b TEXT);
BEGIN;
WITH RECURSIVE c(i, x) AS (SELECT 1, 7 UNION ALL SELECT i + 1, (x * 1103515245 + 12345) % 2147483648 FROM c WHERE i < :n)
INSERT INTO t SELECT i, x, printf('%08x', x) FROM c;
COMMIT;
CREATE INDEX ta ON t (a);
SELECT count(*), sum(a), min(b), max(b) FROM t;
UPDATE t SET a = a % 1000 WHERE id % 3 = 0;
DELETE FROM t WHERE a % 7 = 0;
SELECT a % 10, count(*) FROM t GROUP BY 1 ORDER BY 1;
PRAGMA integrity_check;
PRAGMA journal_mode = DELETE;
VACUUM;
