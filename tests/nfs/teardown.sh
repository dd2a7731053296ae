#!/bin/bash
# Takes away what setup.sh has made, or as much of it as there is.
NFS_ROOT=${NFS_ROOT:-/run/jug-nfs}
for client in A B; do
    if mountpoint -q "$NFS_ROOT/$client"; then
        timeout 30 umount "$NFS_ROOT/$client" || umount -f -l "$NFS_ROOT/$client"
    fi
    # The pair of devices goes with it.
    [ ! -e "/run/netns/jug$client" ] || ip netns del "jug$client"
done
if mountpoint -q /proc/fs/nfsd; then
    rpc.nfsd 0
    exportfs -u "*:$NFS_ROOT/export"
    exportfs -f
fi
for name in mountd rpcbind; do
    # shellcheck disable=SC2046
    [ ! -e "$NFS_ROOT/$name.pid" ] || kill $(cat "$NFS_ROOT/$name.pid")
done
[ ! -e "$NFS_ROOT/nfsd.mounted" ] || umount /proc/fs/nfsd
! mountpoint -q "$NFS_ROOT/export" || umount "$NFS_ROOT/export"
rm -rf --one-file-system "$NFS_ROOT"
