"""Two captures of the same traffic: what is in which, and what lies between the two places.

brief      what is kept of an RPC that waits for its other half
lockstep   both captures in one pass, RPC by RPC
clocks     by how much one capture's clock is ahead of the other's
diff       which RPCs are in which capture, and how they differ (``--diff``)
merge      time in the network and time in the host (``--merge``)
report     both as text and as JSON
"""
