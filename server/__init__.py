"""Serve NFSv4.1 and 4.2 over any channel: ``service.Server`` with ``vfs.export.Export``.

``authority`` decides who a caller is, ``engine`` and ``ops`` execute COMPOUNDs, ``state`` is
what is known of clients, and ``vfs`` the file systems below.
"""
