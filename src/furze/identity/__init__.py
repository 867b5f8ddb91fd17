"""Who events belong to: persons with their distinct ids, groups, and what could not be told."""
