"""Export events to S3 every hour as Parquet, after testing the connection step by step.

Needs FURZE_PERSONAL_API_KEY and the bucket's name, region and keys in the environment (AWS_… as usual).
"""

import os
import sys

from furze.client import Client

furze = Client.connect(os.environ.get("FURZE_URL", "http://127.0.0.1:8000"), os.environ["FURZE_PERSONAL_API_KEY"])
export = {
    "name": "Events to S3",
    "model": "events",
    "interval": "hour",
    "destination": {
        "type": "S3",
        "config": {
            "bucket_name": os.environ["BUCKET"],
            "region": os.environ.get("AWS_REGION", "us-east-1"),
            "prefix": "posthog/{year}/{month}/{day}",
            "aws_access_key_id": os.environ["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": os.environ["AWS_SECRET_ACCESS_KEY"],
            "endpoint_url": os.environ.get("AWS_ENDPOINT_URL"),
            "file_format": "Parquet",
            "compression": "zstd",
        },
    },
}
steps = furze.call("GET", "batch_exports/test/?destination=S3")["steps"]
for number, step in enumerate(steps):
    result = furze.call("POST", "batch_exports/run_test_step_new/", json=export | {"step": number})["result"]
    print(f"{result['status']:8}{step['name']}{': ' + result['message'] if result['message'] else ''}")
    if result["status"] == "Failed":
        sys.exit(1)
print("Created", furze.call("POST", "batch_exports/", json=export)["id"])
