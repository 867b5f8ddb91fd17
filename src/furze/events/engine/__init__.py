"""The embedded ClickHouse engine as a child process: `python -m furze.events.engine --path DIR`.

It speaks the part of ClickHouse's HTTP interface that clients use, so one adapter serves it and a real cluster.
Nothing here imports the rest of furze: the child stays as small as the engine allows.
"""
