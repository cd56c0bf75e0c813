// Owns: what a test may need beyond Node, git and what npm installs: one tag for each, with the Debian packages that bring it.
// Not here: whether it is on this machine (tiers.ts), installing it (.ci/run).

/** Tags of tests, besides `long`. A test that needs two of them carries both. */
export const NEEDS = {
  ffmpeg: { what: 'a system ffmpeg beside the bundled one', commands: ['ffmpeg'], packages: ['ffmpeg'] },
  footage: { what: 'the shared footage beside the checkout', commands: [], packages: [] },
  gstreamer: {
    what: 'a real RTSP server',
    commands: ['python3'],
    packages: [
      'python3-gi',
      'gir1.2-gst-rtsp-server-1.0',
      'gstreamer1.0-plugins-good',
      'gstreamer1.0-plugins-bad',
      'gstreamer1.0-plugins-ugly',
    ],
  },
  mosquitto: { what: 'a stock broker', commands: ['mosquitto'], packages: ['mosquitto'] },
  rabbitmq: { what: 'a stock broker', commands: ['rabbitmq-server'], packages: ['rabbitmq-server'] },
  openssl: { what: 'certificates of every kind', commands: ['openssl'], packages: ['openssl'] },
  postgresql: { what: 'a database server', commands: [], packages: ['postgresql'] },
  s3: { what: 'a server that speaks S3', commands: ['moto_server'], packages: ['python3-moto', 'python3-flask-cors'] },
  strace: { what: 'to see system calls and make them fail', commands: ['strace'], packages: ['strace'] },
  systemd: { what: 'to judge and run units', commands: ['systemd-analyze'], packages: ['systemd'] },
  namespaces: {
    what: 'a network and a disk of the test’s own',
    commands: ['ip', 'tcpdump', 'tshark', 'mke2fs'],
    packages: ['iproute2', 'tcpdump', 'tshark', 'e2fsprogs'],
  },
  v4l2: { what: 'controls of cameras', commands: ['v4l2-ctl'], packages: ['v4l-utils'] },
  terminal: { what: 'a terminal of the test’s own', commands: ['script'], packages: ['util-linux', 'bsdutils'] },
  root: { what: 'to be root', commands: [], packages: [] },
} as const satisfies Record<string, { what: string; commands: readonly string[]; packages: readonly string[] }>;

export type Need = keyof typeof NEEDS;

/** What is named `long` takes more than 2 s on a quiet machine of two cores. */
export type Tag = Need | 'long';
