"""DuckDB beside us: a line of JSON in is a question, a line out is its answer and what it took."""

import datetime
import decimal
import json
import resource
import sys
import time

import duckdb

MACROS = """
CREATE MACRO days_between(a, b) AS date_diff('day', a, b);
CREATE MACRO months_between(a, b) AS date_diff('month', a, b);
CREATE MACRO add_days(day, days) AS CAST(day + CAST(days AS INTEGER) AS DATE);
"""


def plain(value):
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, datetime.date):
        return value.isoformat()
    return value


def main():
    setup = json.loads(sys.stdin.readline())
    connection = duckdb.connect(config={"threads": setup["threads"]})
    # It would be drawn among the answers.
    connection.execute("SET enable_progress_bar = false")
    connection.execute(MACROS)
    for name, table in setup["tables"].items():
        files = ", ".join("'" + file.replace("'", "''") + "'" for file in table["files"])
        columns = ", ".join(f'{sql} AS "{column}"' for column, sql in table["columns"].items()) or "*"
        connection.execute(f"CREATE VIEW {name} AS SELECT {columns} FROM read_parquet([{files}])")
    params = {"today": datetime.date.fromisoformat(setup["today"])}
    if setup["customer"] is not None:
        params["customer"] = setup["customer"]
    for line in sys.stdin:
        question = json.loads(line)
        used = {name: value for name, value in params.items() if "$" + name in question["sql"]}
        try:
            wall, processor = time.perf_counter(), time.process_time()
            answer = connection.execute(question["sql"], used).to_arrow_table()
            wall, processor = time.perf_counter() - wall, time.process_time() - processor
        except duckdb.Error as error:
            print(json.dumps({"error": str(error)}), flush=True)
            continue
        rows = []
        if question["rows"]:
            columns = [column.to_pylist() for column in answer.columns]
            rows = [[plain(value) for value in row] for row in zip(*columns)]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        took = {"wall_ms": wall * 1000, "cpu_ms": processor * 1000, "peak_mb": peak}
        print(json.dumps({"rows": rows, "count": answer.num_rows, **took}), flush=True)


main()
