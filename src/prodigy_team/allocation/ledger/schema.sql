-- What is known of each pool of tasks: who has touched which, and who holds what on their screen. All of it but the leases
-- can be made again from the roster, the sources and the answers.

-- `digest` says by which rules and source the pool was last brought up to date; NULL until it first was. `tasks` says the
-- same of what its tasks' buckets depend on. `drawn` is 0 until tasks were first drawn. `target`: floor of
-- annotations_per_task, -1 for all.
CREATE TABLE pool (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, digest TEXT, tasks TEXT NOT NULL DEFAULT '',
    source TEXT NOT NULL DEFAULT '', drawn INTEGER NOT NULL DEFAULT 0, target INTEGER NOT NULL DEFAULT 1,
    lease REAL NOT NULL DEFAULT 1800, stealing INTEGER NOT NULL DEFAULT 1, open INTEGER NOT NULL DEFAULT 0,
    gold_rate TEXT NOT NULL DEFAULT '0', seed INTEGER NOT NULL DEFAULT 0, people INTEGER NOT NULL DEFAULT 0);
-- Numbers are given once: who left keeps theirs.
CREATE TABLE person (pool INTEGER NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, active INTEGER NOT NULL,
    most INTEGER, share TEXT NOT NULL DEFAULT '1', PRIMARY KEY (pool, number), UNIQUE (pool, name)) WITHOUT ROWID;
-- So that the people need not be read in each transaction.
CREATE TRIGGER person_new AFTER INSERT ON person BEGIN UPDATE pool SET people = people + 1 WHERE id = NEW.pool; END;
CREATE TRIGGER person_changed AFTER UPDATE ON person BEGIN UPDATE pool SET people = people + 1 WHERE id = NEW.pool; END;
-- All tasks that are alike to the policy. Masks are hexadecimal; '' is None. A row's meaning never changes, nor does it go.
-- `open`: its tasks may lack somebody. Every two people who answered a task together make a bucket that does not, hundreds
-- of them where many people take part; the index spares a claim to read those.
CREATE TABLE bucket (id INTEGER PRIMARY KEY, pool INTEGER NOT NULL, eligible TEXT NOT NULL, preferred TEXT NOT NULL,
    target INTEGER NOT NULL, people TEXT NOT NULL, gold INTEGER NOT NULL, open INTEGER NOT NULL,
    tasks INTEGER NOT NULL DEFAULT 0);
CREATE UNIQUE INDEX bucket_key ON bucket (pool, people, target, eligible, preferred, gold);
CREATE INDEX bucket_open ON bucket (pool) WHERE open AND tasks > 0;
-- `place`: in the source's index; NULL while the source does not have it. `chosen`: drawn to be asked once more often.
CREATE TABLE task (number INTEGER PRIMARY KEY, pool INTEGER NOT NULL, identity BLOB NOT NULL, place INTEGER,
    ord INTEGER NOT NULL, bucket INTEGER NOT NULL, chosen INTEGER NOT NULL DEFAULT 0, gold INTEGER NOT NULL DEFAULT 0);
CREATE UNIQUE INDEX task_identity ON task (pool, identity);
CREATE INDEX task_bucket ON task (bucket, ord);
-- A task dealt to somebody who has not answered it. `until`: Unix seconds after which others may have it; `position` orders
-- a person's tasks; `screen`: the load of the page it was dealt to; `shown`: that page has said that it shows it.
CREATE TABLE lease (task INTEGER NOT NULL, person INTEGER NOT NULL, pool INTEGER NOT NULL, screen TEXT,
    position INTEGER NOT NULL, until REAL NOT NULL, shown INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (task, person)) WITHOUT ROWID;
CREATE INDEX lease_person ON lease (pool, person, position);
-- Loads of a page that have ever confirmed what they show.
CREATE TABLE screen (pool INTEGER NOT NULL, id TEXT NOT NULL, person INTEGER NOT NULL, confirmed REAL NOT NULL,
    PRIMARY KEY (pool, id)) WITHOUT ROWID;
-- How far each dataset has been read: a `store.Mark`.
CREATE TABLE followed (pool INTEGER NOT NULL, dataset TEXT NOT NULL, generation INTEGER NOT NULL, link INTEGER NOT NULL,
    deletions INTEGER NOT NULL, newest BLOB NOT NULL, PRIMARY KEY (pool, dataset)) WITHOUT ROWID;
-- What a rebuilt ledger took from the one before, by names, until the pool is brought up to date.
CREATE TABLE carried_lease (pool TEXT NOT NULL, person TEXT NOT NULL, identity BLOB NOT NULL, screen TEXT, position INTEGER NOT NULL,
    until REAL NOT NULL, shown INTEGER NOT NULL);
CREATE TABLE carried_screen (pool TEXT NOT NULL, id TEXT NOT NULL, person TEXT NOT NULL, confirmed REAL NOT NULL);
CREATE TABLE carried_chosen (pool TEXT NOT NULL, identity BLOB NOT NULL);
CREATE TABLE carried_person (pool TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL);
PRAGMA user_version = 1;
