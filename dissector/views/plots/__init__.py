"""Plots of latency and health, as PNG; they need matplotlib (extra ``plot``).

style      what all of them have in common
latency    distributions, stages, queue depth, bulk rate
health     what was sent again and when, which RPCs suffered
page       one HTML page with all of them in it
"""
