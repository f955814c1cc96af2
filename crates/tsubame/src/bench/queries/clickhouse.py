"""ClickHouse beside us, in this process (chDB): a line of JSON in is a question, a line out is its answer and what it took."""

import json
import resource
import sys
import time

from chdb.session import Session


def main():
    setup = json.loads(sys.stdin.readline())
    session = Session()
    session.query(f"SET max_threads = {int(setup['threads'])}")
    for name, table in setup["tables"].items():
        files = ",".join(file.replace("'", "\\'") for file in table["files"])
        pattern = files if len(table["files"]) == 1 else "{" + files + "}"
        columns = ", ".join(f'{sql} AS "{column}"' for column, sql in table["columns"].items()) or "*"
        session.query(f"CREATE VIEW {name} AS SELECT {columns} FROM file('{pattern}', Parquet)")
    for line in sys.stdin:
        question = json.loads(line)
        try:
            wall, processor = time.perf_counter(), time.process_time()
            answer = session.query(question["sql"], "JSONCompact").data()
            wall, processor = time.perf_counter() - wall, time.process_time() - processor
        except RuntimeError as error:
            print(json.dumps({"error": str(error)}), flush=True)
            continue
        rows = json.loads(answer)["data"]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        took = {"wall_ms": wall * 1000, "cpu_ms": processor * 1000, "peak_mb": peak}
        print(json.dumps({"rows": rows if question["rows"] else [], "count": len(rows), **took}), flush=True)


main()
