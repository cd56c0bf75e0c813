#!/usr/bin/env bash
# A systemd of a test's own as process 1, native, in namespaces over a copy-on-write view of this machine's root, or of the folder
# OWN_SYSTEMD_ROOT. It keeps the contract of DOORSILL_PI_RIG (test/tools/check-pi.mjs) but for the processor.
# Usage: own-systemd.sh SCRIPT [SECONDS]. Takes root and a mounted cgroup v2. No network but loopback; no devices
# but the second disk; nothing else is kept.
set -euo pipefail
script=$(realpath "${1:?SCRIPT}")
seconds=${2:-300}
below=$(realpath "${OWN_SYSTEMD_ROOT:-/}")
hierarchy=$(findmnt -n -t cgroup2 -o TARGET | head -1)
[ -n "$hierarchy" ] || { echo 'own-systemd: no cgroup v2 is mounted here' >&2; exit 5; }
place=$(mktemp -d)
group="$hierarchy/doorsill-$(basename "$place")"
said="$place.said"
mkfifo "$said"
exec 9<>"$said"
mkdir "$group"
clean_up() {
  rm -rf "$place" "$said" "$place.enter" "$place.boot"
  echo 1 >"$group/cgroup.kill"
  until find "$group" -depth -type d -exec rmdir {} + 2>/dev/null; do sleep 0.1; done
  [ -z "$disk" ] || losetup -d "$disk"
}
trap clean_up EXIT
# The second disk. What was written to it stays, whatever is killed: only a machine of its own loses what its kernel holds.
disk=
[ -z "${ARM64_DISK:-}" ] || disk=$(losetup --find --show "$ARM64_DISK")

cat >"$place.enter" <<ENTER
set -e
echo 0 >"$group/cgroup.procs"
exec unshare --cgroup bash -e <<'INSIDE'
mount --make-rprivate /
mount -t tmpfs tmpfs "$place"
mkdir "$place/up" "$place/work" "$place/root"
root="$place/root"
mount -t overlay overlay -o "lowerdir=$below,upperdir=$place/up,workdir=$place/work" "\$root"
mkdir "\$root/host"
mount --bind / "\$root/host"
mount -o remount,ro,bind "\$root/host"
# Temporary files may lie on a mount of their own, such as /dev/shm, which a bind mount of / leaves out.
temporary="${TMPDIR:-/tmp}"
if [ ! -d "\$root/host\$temporary" ]; then
  mount -t tmpfs tmpfs "\$root/host/\$(echo "\$temporary" | cut -d/ -f2)"
  mkdir -p "\$root/host\$temporary"
fi
mount --bind "\$temporary" "\$root/host\$temporary"
mount -o remount,ro,bind "\$root/host\$temporary"
mount -t proc proc "\$root/proc"
mount -t sysfs -o ro sysfs "\$root/sys"
mount -t cgroup2 cgroup2 "\$root/sys/fs/cgroup"
for folder in run dev tmp; do mount -t tmpfs -o mode=0755 tmpfs "\$root/\$folder"; done
chmod 1777 "\$root/tmp"
mkdir "\$root/run/lock" "\$root/dev/pts" "\$root/dev/shm"
for node in null zero full random urandom tty; do
  : >"\$root/dev/\$node"
  mount --bind "/dev/\$node" "\$root/dev/\$node"
done
: >"\$root/rig-said"
mount --bind "$said" "\$root/rig-said"
[ -z "$disk" ] || { : >"\$root$disk"; mount --bind "$disk" "\$root$disk"; }
cp "$script" "\$root/rig-script"
rm -rf "\$root"/etc/systemd/system/*
cat >"\$root/etc/systemd/system/rig.service" <<'UNIT'
[Unit]
Requires=basic.target
After=basic.target
[Service]
Type=oneshot
TimeoutStartSec=infinity
Environment=HOME=/root PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
ExecStart=/bin/bash -c "bash /rig-script >>/rig-said 2>&1; echo RIG-EXIT=\$\$? >>/rig-said; systemctl poweroff -ff"
UNIT
export container=other
exec chroot "\$root" /usr/lib/systemd/systemd --unit=rig.service --log-target=journal --show-status=false
INSIDE
ENTER

# What is said comes through a pipe, line by line, up to the exit status; the machine's own end counts as none.
(
  while IFS= read -r line; do
    [[ $line =~ ^RIG-EXIT=([0-9]+)$ ]] && exit "${BASH_REMATCH[1]}"
    printf '%s\n' "$line"
  done <&9
) &
reader=$!
timeout -k 5 "$seconds" unshare --fork --kill-child --pid --mount --uts --ipc --net bash "$place.enter" \
  </dev/null >"$place.boot" 2>&1 9>&- || true
echo RIG-EXIT=124 >&9
status=0
wait "$reader" || status=$?
[ "$status" != 124 ] || tail -3 "$place.boot" >&2
exit "$status"
