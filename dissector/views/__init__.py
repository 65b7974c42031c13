"""What looks at the events of a capture, and shows them: for people, for programs, for Wireshark.

line       one line for each RPC
tree       everything that was decoded, as a tree
chunks     the chunk lists, and which packets carried what
ndjson     one JSON object for each message
rows       one row for each RPC, with typed columns
answers    the list of connections, the slowest RPCs
extract    payload back out of a capture
lint       what the specifications forbid
latency    how long RPCs took, and where the time went
health     what was sent twice or complained about
compare    what Wireshark makes of the same capture
page       a capture as one self-contained page
plots      latency and health as PNG
filtered   the exchanges that fit a filter, for another view
"""
