"""NFS version 4: its types, operations, attributes and errors, of all minor versions."""
