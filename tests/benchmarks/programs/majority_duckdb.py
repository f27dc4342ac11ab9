"""The majority of each task by DuckDB's scanner of SQLite files: DATABASE OUTPUT."""

import sys

import duckdb

try:
    from duckdb_extensions import import_extension

    import_extension("sqlite_scanner")
except ImportError:
    pass
database, output = sys.argv[1:]
connection = duckdb.connect()
connection.execute("LOAD sqlite_scanner")
connection.execute("SET threads = 2")
connection.execute("SET sqlite_all_varchar = false")
connection.execute(f"ATTACH '{database}' AS answers (TYPE sqlite, READ_ONLY)")
connection.execute(
    f"""COPY (
        WITH votes AS (
            SELECT example.task_hash AS task, json_extract_string(decode(example.content), '$.answer') AS answer,
                   count(*) AS votes
            FROM answers.link JOIN answers.example ON example.id = link.example_id GROUP BY ALL
        )
        SELECT task, arg_max(answer, votes) AS answer, max(votes) AS votes, sum(votes) AS of_all
        FROM votes WHERE answer <> 'ignore' GROUP BY task HAVING 2 * max(votes) > sum(votes) ORDER BY task
    ) TO '{output}' (FORMAT csv, HEADER false)"""
)
