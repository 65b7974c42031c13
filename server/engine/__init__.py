"""The machine that executes COMPOUNDs: what an operation is, sees, and may answer.

``operation`` is the row of the table, ``context`` what the operations of one compound share,
``reply`` its octets and their room, ``replay`` what a repeated call is answered, ``minor`` what is
particular to a minor version, ``machine`` the loop; ``turns`` and ``offload`` keep
what takes long from holding up everybody else.
"""
