"""The bench: our client against a server, over several transports side by side, in one run.

From below: ``pattern`` knows what every octet of a file must be. ``load`` and ``metadata`` are the
measuring loops, on one mount. ``worker`` is the process that runs them: each transport has its own,
so that its processor time is the client's alone. ``servers`` and ``clients`` are the conductor's
view of those processes. ``plan`` says what to measure, ``conduct`` measures it in turns, and
``rows`` makes figures of the samples, which ``tables``, ``iozone``, ``plots``, ``page`` and
``compare`` show. ``verbs`` and ``perftest`` do the same one floor below, without RPC.
"""
