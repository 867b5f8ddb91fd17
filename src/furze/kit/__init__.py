"""Leaf parts with one subject each. Imports nothing of ours."""
