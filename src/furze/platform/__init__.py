"""What every endpoint stands on: who asks, for which project, with which scopes; errors, bodies, pages, routes."""
