"""Other tools that do the job of an export, each run in an environment of its own."""
