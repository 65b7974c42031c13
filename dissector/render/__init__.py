"""Exchanges for people and programs: lines, trees, chunk lists, NDJSON."""
