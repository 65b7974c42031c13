"""The words that all rooms of the dissector share; none of them knows an RPC or a connection.

packet      one frame as the layers found it, and what a run of frames has in common
extent      where octets are in the capture, instead of the octets
stretches   things found by the memory that each of them has
text        octets as text that a terminal can be given
effort      how much searching a capture is worth
"""
