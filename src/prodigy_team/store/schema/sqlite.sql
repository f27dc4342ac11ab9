-- Prodigy's own tables, to the letter (measured from real files; prodigy stores them without `IF NOT EXISTS`, and so does SQLite).
CREATE TABLE IF NOT EXISTS "dataset" ("id" INTEGER NOT NULL PRIMARY KEY, "name" VARCHAR(255) NOT NULL, "created" INTEGER NOT NULL, "meta" BLOB NOT NULL, "session" INTEGER NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS "dataset_name" ON "dataset" ("name");
CREATE TABLE IF NOT EXISTS "example" ("id" INTEGER NOT NULL PRIMARY KEY, "input_hash" INTEGER NOT NULL, "task_hash" INTEGER NOT NULL, "content" BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS "link" ("id" INTEGER NOT NULL PRIMARY KEY, "example_id" INTEGER NOT NULL, "dataset_id" INTEGER NOT NULL, FOREIGN KEY ("example_id") REFERENCES "example" ("id"), FOREIGN KEY ("dataset_id") REFERENCES "dataset" ("id"));
CREATE INDEX IF NOT EXISTS "link_example_id" ON "link" ("example_id");
CREATE INDEX IF NOT EXISTS "link_dataset_id" ON "link" ("dataset_id");

-- Ours. Prodigy ignores them; all of it but the register of writers can be rebuilt from the answers.

-- One generation of the index of a dataset's answers. `id` is never given out twice, unlike Prodigy's ids; `name` is NULL
-- while a generation is being built. `dataset_id` and `created` say which row of "dataset" it describes, `mark` the highest
-- link it has read, `links` how many links there were up to it, `newest` what lay at the mark.
CREATE TABLE IF NOT EXISTS prodigy_team_dataset (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, dataset_id INTEGER NOT NULL, created INTEGER NOT NULL, mark INTEGER NOT NULL DEFAULT 0, links INTEGER NOT NULL DEFAULT 0, newest BLOB NOT NULL DEFAULT x'');
-- Which team wrote which dataset: kind 'answers', or 'merged' for a training set.
CREATE TABLE IF NOT EXISTS prodigy_team_writer (team TEXT NOT NULL, dataset TEXT NOT NULL, kind TEXT NOT NULL, since INTEGER NOT NULL, PRIMARY KEY (team, dataset)) WITHOUT ROWID;
-- One row per answer of one person to one task; `version` counts them: 0 the first, 1 its correction, and so on.
CREATE TABLE IF NOT EXISTS prodigy_team_answer (dataset INTEGER NOT NULL, identity BLOB NOT NULL, annotator TEXT NOT NULL, version INTEGER NOT NULL, link INTEGER NOT NULL, digest BLOB NOT NULL, answer_id TEXT);
CREATE UNIQUE INDEX IF NOT EXISTS prodigy_team_answer_key ON prodigy_team_answer (dataset, identity, annotator, version);
CREATE INDEX IF NOT EXISTS prodigy_team_answer_id ON prodigy_team_answer (dataset, answer_id) WHERE answer_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS prodigy_team_correction ON prodigy_team_answer (dataset) WHERE version > 0;
CREATE INDEX IF NOT EXISTS prodigy_team_answer_link ON prodigy_team_answer (dataset, link, annotator, identity);
-- Up to which place of a source everything is answered, so that a restart need not look at all of it again.
CREATE TABLE IF NOT EXISTS prodigy_team_frontier (dataset INTEGER NOT NULL, annotator TEXT NOT NULL, source TEXT NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (dataset, annotator, source)) WITHOUT ROWID;
-- How often links of a row of "dataset" were removed or moved: what tells in a moment that answers below a known link changed.
CREATE TABLE IF NOT EXISTS prodigy_team_deletion (dataset INTEGER PRIMARY KEY, times INTEGER NOT NULL);
CREATE TRIGGER IF NOT EXISTS prodigy_team_link_deleted AFTER DELETE ON link BEGIN INSERT INTO prodigy_team_deletion VALUES (OLD.dataset_id, 1) ON CONFLICT (dataset) DO UPDATE SET times = times + 1; END;
CREATE TRIGGER IF NOT EXISTS prodigy_team_link_moved AFTER UPDATE OF dataset_id ON link BEGIN INSERT INTO prodigy_team_deletion VALUES (OLD.dataset_id, 1), (NEW.dataset_id, 1) ON CONFLICT (dataset) DO UPDATE SET times = times + 1; END;
-- Which datasets a team's servers with a recipe wrote while tasks were dealt out exactly; `person` is '' where several answered.
CREATE TABLE IF NOT EXISTS prodigy_team_routed (team TEXT NOT NULL, recipe TEXT NOT NULL, pool TEXT NOT NULL, dataset TEXT NOT NULL, person TEXT NOT NULL, PRIMARY KEY (team, recipe, pool, dataset)) WITHOUT ROWID;
-- Tasks with known answers that a team mixed in; merge and export leave them out.
CREATE TABLE IF NOT EXISTS prodigy_team_gold (team TEXT NOT NULL, identity BLOB NOT NULL, PRIMARY KEY (team, identity)) WITHOUT ROWID;
-- Answers that were sent back to be given again; they stay, and count as no answer to their task. `digest` is what was answered, since links are given out again.
CREATE TABLE IF NOT EXISTS prodigy_team_reopened (dataset INTEGER NOT NULL, created INTEGER NOT NULL, link INTEGER NOT NULL, digest BLOB NOT NULL, PRIMARY KEY (dataset, link)) WITHOUT ROWID;
