"""Events in: every body the PostHog SDKs send, matched to people, on disk exactly once."""
