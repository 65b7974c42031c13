"""File-system back ends: what the NFS operations act on."""
