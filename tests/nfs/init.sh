#!/bin/busybox sh
# The first process of the virtual machine: it makes the files of the host its own, and runs /job on them.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in /modules/*; do insmod "$module"; done

# What the job writes, and what it mounts below /run, goes into memory.
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose,ro root /host || reboot -f
mount -t tmpfs -o size=3g memory /memory
mkdir /memory/upper /memory/work
mount -t overlay -o lowerdir=/host,upperdir=/memory/upper,workdir=/memory/work files /files || reboot -f
for folder in proc sys dev; do mount --move "/$folder" "/files/$folder"; done
mount -t tmpfs -o size=1500m run /files/run
cp /job /files/run/job
ip link set lo up

# The second serial line is read by the program that started the machine; the kernel's messages are on the first one.
chroot /files /bin/bash /run/job </files/dev/null >/files/dev/ttyS1 2>&1
echo "exit status $?" >/files/dev/ttyS1
sleep 1
reboot -f
