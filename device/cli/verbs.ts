// Owns: the verbs of one doorbell and of its owners, as every program offers them that has any. Not here: the verbs themselves (the files beside), a
// program that has them (main.ts).

import type { Verb } from './command-line.ts';

/** What whoever looks after a doorbell does to it: the verbs under `doorsill device`, and at the top of a board's own command. */
export const DEVICE_VERBS = {
  init: {
    about: 'write the first settings of a doorbell',
    load: async () => (await import('./device-init.ts')).addDeviceInit,
  },
  install: {
    about: 'make it a service of this board',
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
    about: 'how the service is',
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
    about: 'make the device of a backup again',
    load: async () => (await import('./backup-verbs.ts')).addRestore,
  },
} satisfies Record<string, Verb>;

/** The verb that says what is wrong. */
export const DOCTOR: Verb = {
  about: 'what is wrong with this machine or a doorbell, and its cure',
  load: async () => (await import('./doctor.ts')).addDoctor,
};

/** What an owner does with a doorbell that is paired. */
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
    about: 'show what the device says, until Ctrl-C',
    load: async () => (await import('./watch.ts')).addWatch,
  },
  grant: {
    about: 'let one clip go to who asked; list the open requests',
    load: async () => (await import('./consent-verbs.ts')).addGrant,
  },
  deny: {
    about: 'say no; it stays on the device, nobody else learns of it',
    load: async () => (await import('./consent-verbs.ts')).addDeny,
  },
  revoke: {
    about: 'take a grant back: sending stops, what was sent is deleted',
    load: async () => (await import('./consent-verbs.ts')).addRevoke,
  },
  left: {
    about: 'what has ever left a doorbell, to whom; proof of a clip',
    load: async () => (await import('./left.ts')).addLeft,
    under: { proof: async () => (await import('./proof.ts')).addProof },
  },
  privacy: {
    about: 'stop the camera at its source, or start it again',
    load: async () => (await import('./doorbell-command-verbs.ts')).addPrivacy,
  },
  forget: {
    about: 'destroy footage and past events on the device, for good',
    load: async () => (await import('./doorbell-command-verbs.ts')).addForget,
  },
  settings: {
    about: 'what owners may change of a doorbell; who else may look',
    load: async () => (await import('./settings.ts')).addSettings,
    under: {
      viewer: async () => (await import('./viewer.ts')).addViewer,
      'trust-clock': async () => (await import('./doorbell-command-verbs.ts')).addTrustClock,
    },
  },
} satisfies Record<string, Verb>;
