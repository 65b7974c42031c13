"""NFS version 2 and its lock manager: what the dissector decodes. No engine speaks them."""
