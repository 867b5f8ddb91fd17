"""DuckDB's own COPY from its own store to S3: duckdb_copy.py FOLDER STORE ENDPOINT TARGET OPTIONS; prints seconds.

The Parquet files in FOLDER fill the store, once.
"""

import sys
import time
from pathlib import Path

import duckdb

folder, store, endpoint, target, options = sys.argv[1:]
fresh = not Path(store).exists()
connection = duckdb.connect(store)
if fresh:
    connection.execute(f"CREATE TABLE events AS SELECT * FROM read_parquet('{folder}/**/*.parquet')")
    connection.execute("CHECKPOINT")
connection.execute("LOAD httpfs")
connection.execute(
    "CREATE SECRET (TYPE s3, KEY_ID 'ak', SECRET 'secret-of-ak', REGION 'us-east-1', URL_STYLE 'path', "
    f"USE_SSL false, ENDPOINT '{endpoint.removeprefix('http://')}')"
)
began = time.perf_counter()
connection.execute(f"COPY (SELECT * FROM events) TO '{target}' ({options})")
print(time.perf_counter() - began)
