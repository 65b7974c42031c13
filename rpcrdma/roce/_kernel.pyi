"""The compiled twin of ``kernel``: the same names, the same results."""
