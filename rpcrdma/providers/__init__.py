"""Provide the verbs: ``soft``, ``rdmacore`` (adapters), ``shm`` and ``sim``, by ``registry``."""
