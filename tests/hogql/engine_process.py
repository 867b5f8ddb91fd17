"""An embedded engine in a process of its own: one JSON request a line in, one JSON answer a line out."""

import json
import sys


def serve(directory: str) -> None:
    import chdb.session  # noqa: PLC0415 -- only this process may load the engine

    session = chdb.session.Session(directory)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = session.query(request["sql"], "JSONCompact", params=request["parameters"])
            text = answer.bytes().decode() if answer is not None else ""
            print(json.dumps({"data": json.loads(text) if text else None}), flush=True)  # noqa: T201
        except Exception as error:  # noqa: BLE001 -- the engine raises RuntimeError and its own types
            print(json.dumps({"error": str(error)}), flush=True)  # noqa: T201


if __name__ == "__main__":
    serve(sys.argv[1])
