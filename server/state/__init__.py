"""What the server remembers of its clients: who they are, what they have open, what they locked."""
