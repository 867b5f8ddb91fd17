"""Conversations with an assistant: streamed, resumable, queued, approved."""
