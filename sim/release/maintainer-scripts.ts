// What dpkg runs when the Debian package is installed, updated, removed or purged (Debian Policy §6), in the way of debhelper's scripts.

/**
 * The scripts by their names. `format` is what this version writes into the doorbell's folder; `subsystems` are those of devices to which its
 * udev rules apply.
 */
export function maintainerScripts(format: number, subsystems: readonly string[]): Record<string, string> {
  return { preinst: preinst(format), postinst: postinst(subsystems), prerm: PRERM, postrm: POSTRM };
}

/** Is there from `preinst install` to the end of `postinst configure`, which is told the last version even after a removal. */
const INSTALLED = '/run/doorsill-device.installed';

/** The script of an older version is run before it replaces a newer one, which goes on running then. */
const preinst = (format: number) => `#!/bin/sh
set -e
file="$DPKG_ROOT/var/lib/doorsill/format.json"
if [ -e "$file" ]; then
	format=$(sed -n 's/.*"format": *\\([0-9]*\\).*/\\1/p' "$file")
	if [ "\${format:-0}" -gt ${format} ]; then
		echo "data_newer: the folder /var/lib/doorsill was written by a newer doorsill (format $format; this version knows ${format})." >&2
		echo "Install that version or a later one. Nothing was changed." >&2
		exit 1
	fi
fi
if [ "$1" = install ] && [ -z "$DPKG_ROOT" ]; then : >${INSTALLED}; fi
`;

/**
 * An install starts the service, which without settings is left out (ConditionPathExists=). An update restarts it only where it runs: an owner
 * who stopped the camera has it stay stopped. An update that was refused stopped nothing, so it restarts nothing.
 */
const postinst = (subsystems: readonly string[]) => `#!/bin/sh
set -e
case "$1" in
configure | abort-upgrade | abort-deconfigure | abort-remove) ;;
*) exit 0 ;;
esac
systemd-sysusers \${DPKG_ROOT:+--root="$DPKG_ROOT"} doorsill.conf
if deb-systemd-helper --quiet was-enabled doorsill.service; then
	deb-systemd-helper enable doorsill.service >/dev/null || true
else
	deb-systemd-helper update-state doorsill.service >/dev/null || true
fi
[ -z "$DPKG_ROOT" ] || exit 0
# After the groups exist: a rule that names an unknown group gives a node to root.
if [ -e /run/udev/control ]; then
	udevadm control --reload || true
	udevadm trigger ${subsystems.map((subsystem) => `--subsystem-match=${subsystem}`).join(' ')} || true
fi
if [ -f /etc/systemd/system/doorsill.service ]; then
	echo "doorsill-device: /etc/systemd/system/doorsill.service is in use instead of the package's unit." >&2
	echo "After 'sudo doorsill-device uninstall' and 'sudo systemctl enable --now doorsill' the package runs, with the same folder." >&2
fi
if [ -d /run/systemd/system ]; then
	deb-systemd-invoke --system daemon-reload >/dev/null || true
	if [ "$1" = abort-remove ] || [ -e ${INSTALLED} ]; then
		deb-systemd-invoke start doorsill.service >/dev/null || true
	elif [ "$1" = configure ]; then
		deb-systemd-invoke try-restart doorsill.service >/dev/null || true
	fi
fi
rm -f ${INSTALLED}
`;

const PRERM = `#!/bin/sh
set -e
if [ -z "$DPKG_ROOT" ] && [ "$1" = remove ] && [ -d /run/systemd/system ]; then
	deb-systemd-invoke stop doorsill.service >/dev/null || true
fi
`;

/** systemd keeps the folder of a user that exists only meanwhile below private (systemd.exec(5), DynamicUser=). */
const POSTRM = `#!/bin/sh
set -e
if [ "$1" = purge ]; then
	deb-systemd-helper purge doorsill.service >/dev/null || true
	# The unit of \`doorsill device install\` has the same folder.
	if [ ! -f "$DPKG_ROOT/etc/systemd/system/doorsill.service" ]; then
		rm -rf "$DPKG_ROOT/var/lib/private/doorsill" "$DPKG_ROOT/var/lib/doorsill"
		rm -f "$DPKG_ROOT/run/credstore/doorsill.enrolment-code"
	fi
fi
if [ -z "$DPKG_ROOT" ] && [ -d /run/systemd/system ]; then
	deb-systemd-invoke --system daemon-reload >/dev/null || true
fi
`;
