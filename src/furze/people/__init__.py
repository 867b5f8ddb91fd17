"""Persons, groups, events and their definitions, as PostHog's clients list, read and change them."""
