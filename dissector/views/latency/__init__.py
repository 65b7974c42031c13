"""How long RPCs took, by what they were for, and where the time went.

latency    a view that collects times by operation and stage
measure    many numbers in bounded memory: percentiles, and what happened when
queues     how many calls each requester has in progress, and its credits
report     all of it as text and as JSON
"""
