"""Encode, decode and dispatch ONC RPC (RFC 5531); ``channel`` is what programs see of it."""
