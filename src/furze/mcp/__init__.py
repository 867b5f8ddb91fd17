"""The assistant's tools for other assistants: a Model Context Protocol server at `/mcp`."""
