#!/bin/bash
# A server in this network namespace, and two clients in namespaces of their own, at $NFS_ROOT/A and $NFS_ROOT/B.
# NFS_VERSION is 3 (without lockd) or 4.2; mount options are the default ones otherwise. teardown.sh takes it away.
set -e
NFS_ROOT=${NFS_ROOT:-/run/jug-nfs} NFS_VERSION=${NFS_VERSION:-4.2}
# What a killed run has left.
if [ -e "$NFS_ROOT" ]; then NFS_ROOT=$NFS_ROOT bash "$(dirname "$0")/teardown.sh"; fi
mkdir -p "$NFS_ROOT" /run/rpc_pipefs /run/netns /var/lib/nfs/v4recovery /var/lib/nfs/nfsdcltrack
truncate -s 700M "$NFS_ROOT/disk"
mkfs.ext4 -q -F "$NFS_ROOT/disk"
mkdir -p "$NFS_ROOT/export"
mount -o loop "$NFS_ROOT/disk" "$NFS_ROOT/export"
chmod 777 "$NFS_ROOT/export"
if ! mountpoint -q /proc/fs/nfsd; then
    mount -t nfsd nfsd /proc/fs/nfsd
    touch "$NFS_ROOT/nfsd.mounted"
fi
# Short ones, so that a restarted server does not keep its clients waiting for a minute and a half.
for it in nfsv4gracetime nfsv4leasetime; do (echo 10 >/proc/fs/nfsd/$it) 2>/dev/null || true; done
touch /etc/exports /var/lib/nfs/etab /var/lib/nfs/rmtab
if ! pidof rpcbind >/dev/null; then
    rpcbind
    pidof rpcbind >"$NFS_ROOT/rpcbind.pid"
fi
exportfs -o rw,sync,no_root_squash,insecure,fsid=0,no_subtree_check "*:$NFS_ROOT/export"
if ! pidof rpc.mountd >/dev/null; then
    rpc.mountd -p 20048
    pidof rpc.mountd >"$NFS_ROOT/mountd.pid"
fi
rpc.nfsd 8
number=1
for client in A B; do
    ip netns add "jug$client"
    ip link add "jugv$client" type veth peer name "juge$client" netns "jug$client"
    ip addr add "10.9.$number.1/24" dev "jugv$client"
    ip link set "jugv$client" up
    ip -n "jug$client" addr add "10.9.$number.2/24" dev "juge$client"
    ip -n "jug$client" link set "juge$client" up
    ip -n "jug$client" link set lo up
    mkdir -p "$NFS_ROOT/$client"
    if [ "$NFS_VERSION" = 3 ]; then
        from=$NFS_ROOT/export options=vers=3,nolock,mountport=20048,port=2049,mountproto=tcp
    else
        from=/ options=vers=$NFS_VERSION
    fi
    # With version 4 a server tells clients apart by a name, which is that of the host: two of one name would take each
    # other's sessions away again and again, and that would be counted.
    ip netns exec "jug$client" sh -c "echo jug$client >/sys/fs/nfs/net/nfs_client/identifier" 2>/dev/null || true
    nsenter "--net=/run/netns/jug$client" mount -t nfs -o "$options" "10.9.$number.1:$from" "$NFS_ROOT/$client"
    number=$((number + 1))
done
