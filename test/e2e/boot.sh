#!/bin/sh
# Boots a systemd of its own in namespaces of its own, and becomes it:
#
#     unshare --pid --fork --kill-child --mount --uts --ipc --net boot.sh DIR INSTALLED CGROUP
#
# Its root is this machine's, seen through an overlay: what it writes is in memory, and
# gone with it. INSTALLED is copied over it. It can change nothing outside: devices are
# the harmless few, the kernel's settings are read-only, and its control groups are below
# CGROUP, a name for one of its own.
set -eu
dir=$1 installed=$2 cgroup=$3

if [ "${4:-}" != inside ]; then
	mount --make-rprivate /
	mount -t tmpfs tmpfs "$dir"
	mkdir "$dir/upper" "$dir/work" "$dir/root" "$dir/cgroup"
	mount -t cgroup2 cgroup2 "$dir/cgroup"
	mkdir -p "$dir/cgroup/$cgroup"
	echo $$ >"$dir/cgroup/$cgroup/cgroup.procs"
	umount "$dir/cgroup"
	exec unshare --cgroup "$0" "$dir" "$installed" "$cgroup" inside
fi

mount -t overlay overlay -o "lowerdir=/,upperdir=$dir/upper,workdir=$dir/work" "$dir/root"
cp -a "$installed/." "$dir/root/"
cd "$dir/root"

mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
for node in null zero full random urandom tty; do
	touch "dev/$node"
	mount --bind "/dev/$node" "dev/$node"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs tmpfs dev/shm

# Nothing but what is asked for: a target with nothing in it.
printf '[Unit]\nDescription=a machine for tests\n' >etc/systemd/system/machine.target
rm -f etc/machine-id
echo 0123456789abcdef0123456789abcdef >etc/machine-id
ip link set lo up 2>/dev/null || true

mkdir -p run/outside
pivot_root . run/outside
umount -l /run/outside
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin container=docker \
	/lib/systemd/systemd --system --unit=machine.target --show-status=no --log-target=journal </dev/null
