"""For Wireshark: findings as packet comments, captures that it can decode, what it says itself."""
