// The verbs of one doorbell and of its owners, shared by all programs that have them.
import type { Verb } from './command-line.ts';

/** The verbs for the maintenance of a doorbell: under `doorsill device`, and at the top of a board's own command. */
export const DEVICE_VERBS = {
  setup: {
    about: 'set a doorbell up on a page of its own, with a phone',
    load: async () => (await import('./device-setup.ts')).addDeviceSetup,
  },
  init: {
    about: 'write the first settings of a doorbell by options',
    load: async () => (await import('./device-init.ts')).addDeviceInit,
  },
  install: {
    about: 'install the doorbell as a service of this board',
    load: async () => (await import('./service-verbs.ts')).addInstall,
  },
  uninstall: {
    about: 'remove the service; keys, ledger and footage stay',
    load: async () => (await import('./service-verbs.ts')).addUninstall,
  },
  enrol: {
    about: "hand the service a bridge's one-time code",
    load: async () => (await import('./service-verbs.ts')).addEnrol,
  },
  status: {
    about: 'show the state of the service',
    load: async () => (await import('./device-status.ts')).addDeviceStatus,
  },
  update: {
    about: 'replace its programs by a signed release',
    load: async () => (await import('./device-update.ts')).addDeviceUpdate,
  },
  backup: {
    about: 'seal its identity, settings and ledger in a file',
    load: async () => (await import('./backup-verbs.ts')).addBackup,
  },
  restore: {
    about: 'restore a device from a backup',
    load: async () => (await import('./backup-verbs.ts')).addRestore,
  },
} satisfies Record<string, Verb>;

/** The verb that names faults and their remedies. */
export const DOCTOR: Verb = {
  about: 'find faults of this machine or a doorbell, and their cures',
  load: async () => (await import('./doctor.ts')).addDoctor,
};

/** The verbs of a paired doorbell's owner. */
export const OWNER_VERBS = {
  ring: {
    about: 'press the button, by a signed command',
    load: async () => (await import('./doorbell-command-verbs.ts')).addRing,
  },
  pair: {
    about: "pair this machine's owner with a device on this machine",
    load: async () => (await import('./pair.ts')).addPair,
  },
  watch: {
    about: 'show the device’s messages, until Ctrl-C',
    load: async () => (await import('./watch.ts')).addWatch,
  },
  grant: {
    about: 'grant one clip to its requester; list the open requests',
    load: async () => (await import('./consent-verbs.ts')).addGrant,
  },
  deny: {
    about: 'deny a request; nobody but the device learns of it',
    load: async () => (await import('./consent-verbs.ts')).addDeny,
  },
  revoke: {
    about: 'revoke a grant: stop sending, delete what was sent',
    load: async () => (await import('./consent-verbs.ts')).addRevoke,
  },
  left: {
    about: 'list the clips that have left a doorbell, or prove one',
    load: async () => (await import('./left.ts')).addLeft,
    under: {
      proof: async () => (await import('./left.ts')).addProof,
      key: async () => (await import('./left.ts')).addKey,
    },
  },
  privacy: {
    about: 'turn privacy on, which stops the camera, or off',
    load: async () => (await import('./doorbell-command-verbs.ts')).addPrivacy,
  },
  forget: {
    about: 'destroy footage and past events on the device',
    load: async () => (await import('./doorbell-command-verbs.ts')).addForget,
  },
  settings: {
    about: 'show and change an owner’s settings, owners and viewers',
    load: async () => (await import('./settings.ts')).addSettings,
    under: {
      viewer: async () => (await import('./viewer.ts')).addViewer,
      'trust-clock': async () => (await import('./doorbell-command-verbs.ts')).addTrustClock,
    },
  },
} satisfies Record<string, Verb>;
