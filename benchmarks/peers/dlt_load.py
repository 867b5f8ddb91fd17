"""dlt with Arrow tables from Parquet files; prints seconds.

dlt_load.py FOLDER WORK s3 BUCKET_URL ENDPOINT
dlt_load.py FOLDER WORK postgres URL
"""

import os
import sys
import time
from pathlib import Path

import dlt
import pyarrow.parquet as pq

folder, work, kind, *place = sys.argv[1:]
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
if kind == "s3":
    credentials = {"aws_access_key_id": "ak", "aws_secret_access_key": "secret-of-ak", "endpoint_url": place[1]}
    destination = dlt.destinations.filesystem(bucket_url=place[0], credentials=credentials)
else:
    destination = dlt.destinations.postgres(place[0])


@dlt.resource(name="events", write_disposition="append")
def events():
    """The rows, a batch at a time."""
    for file in sorted(Path(folder).rglob("*.parquet")):
        yield from pq.ParquetFile(file).iter_batches(65_536)


pipeline = dlt.pipeline("bench", pipelines_dir=work, destination=destination, dataset_name="bench")
began = time.perf_counter()
pipeline.run(events(), loader_file_format="parquet" if kind == "s3" else None)
print(time.perf_counter() - began)
