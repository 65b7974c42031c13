"""Our side of the cases: programs over `nfsrdma` that run on the bridge, and what starts them."""
