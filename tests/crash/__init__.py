"""Servers and clients that are killed, again and again, under load that is verified.

    python -m tests.crash --kills 200 --clients 100      over tcp, soft and shm at once

``worker`` is the load: it notes in a journal what it is about to do, and what it was told came of
it. ``journal`` compares such a journal with what is on the disk: whatever was acknowledged must be
there, and nothing may have been done twice. Locks and delegations are held all the while: no two
workers may have had a lock at once, and what was delegated must be after a restart. ``loop`` kills
and starts again.
"""
