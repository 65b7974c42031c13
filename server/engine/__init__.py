"""The machine that executes COMPOUNDs: what an operation is, sees, and may answer.

``operation`` has the rows of the table, ``context`` what the operations of one compound share,
``replay`` what a repeated call is answered, ``machine`` the loop; ``turns`` and ``offload`` keep
what takes long from holding up everybody else.
"""
