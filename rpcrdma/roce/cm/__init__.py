"""The InfiniBand connection manager over QP1, as RDMA-CM uses it (IBTA 1.4, chapter 12).

``states`` is the table of transitions, ``cm_id`` one end of a connection, ``manager`` owns them
all and the listeners, ``backlog`` bounds what half-open connections may occupy.
"""
