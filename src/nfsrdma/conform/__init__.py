"""Conformance and faults: whether any NFS/RDMA server keeps to the specifications.

case      what a test is, how it judges, the list of all of them
wire      headers word by word, right or wrong
memory    memory that a peer may reach, between canaries
peer      one end of a connection without a transport in it
packets   every packet of a test, taken apart
nfs       NFSv4.1 calls in plain octets
lab       what a test has: connections, sessions, files
runner    tests, one after the other
suite     the tests themselves, by section
report    what came of them: JUnit, JSON, a page, captures
edge      devices, clocks and interrupts: what touches this machine

All but ``edge`` are given the time and their random numbers, so a seed replays a run, and the
suite itself is tested in the simulator.
"""
