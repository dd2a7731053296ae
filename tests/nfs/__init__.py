"""Checks on two clients of a real NFS server, here or in a virtual machine: ``./dev nfs``. See README.md."""
