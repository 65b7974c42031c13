"""Real programs on a real mount of a real server, also one that is killed every now and then."""
