"""NFS version 3 and its MOUNT protocol: what the dissector decodes. No engine speaks them."""
