"""The public faces of the client: one that blocks and one for asyncio, with the same names."""
