"""The bench: our client against a server, several transports side by side, in one run.

From below: ``pattern`` knows what every octet of a file must be; ``load`` and ``metadata`` are
the measuring loops, on one mount; ``worker`` is the process that runs them, one for each
transport, so that its processor time is the client's own; ``servers`` and ``clients`` are those
processes as the conductor sees them; ``plan`` says what is measured, ``conduct`` does it in turns,
and ``rows`` makes figures of it, which ``tables``, ``iozone``, ``plots``, ``page`` and ``compare``
show.
``verbs`` and ``perftest`` do the same one floor lower, without RPC.
"""
