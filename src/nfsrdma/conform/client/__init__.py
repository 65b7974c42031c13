"""Tests of clients: we serve, behave badly on purpose, and judge what the client makes of it.

A relay stands between the client under test and a good server. What the client sends is judged by
the rules of all messages (``record``, ``rules_of_calls``); what the relay does to it, and what the
client has to make of that, is a test (``suite``).

record          all that a client said, and what was wrong with it
rules_of_calls  what every call has to keep to
lab             what a test has: the relay, the record, and the client's work
catalogue       the list of tests
suite           the tests
edge            devices, commands, processes: what touches this machine
"""
