// Owns: the verbs of `doorsill`, in the order of its help, and the words that people try for them. Not here: the verbs themselves (the files beside,
// and device/cli for those of a board and its owners), how a command line reads its words (device/cli/command-line.ts).

import { type CommandLine, runCommandLine } from '@doorsill/device/cli/command-line';
import { DEVICE_VERBS, DOCTOR, OWNER_VERBS } from '@doorsill/device/cli/verbs';
import { TESTBED } from '../testbed/testbed-surroundings.ts';

const VERBS: CommandLine['verbs'] = {
  'Everything on this machine:': {
    up: {
      about: 'doorbells and all they talk to; add, list, remove doorbells',
      load: async () => (await import('./story-verbs.ts')).addUp,
      under: {
        add: async () => (await import('./doorbell.ts')).addUpAdd,
        list: async () => (await import('./doorbell.ts')).addUpList,
        remove: async () => (await import('./doorbell.ts')).addUpRemove,
      },
    },
    demo: {
      about: 'the whole story unattended, until the clip is in the vault',
      load: async () => (await import('./story-verbs.ts')).addDemo,
    },
    replay: {
      about: 'footage through a doorbell: what it notices, and whether right',
      load: async () => (await import('./replay.ts')).addReplay,
      under: { truth: async () => (await import('./truth.ts')).addTruth },
    },
    test: {
      about: 'run scenarios: stories of doorbells, owners and agencies',
      load: async () => (await import('./test.ts')).addTest,
    },
    record: {
      about: 'a live camera, as a scenario that replays alike',
      load: async () => (await import('./record.ts')).addRecord,
    },
    camera: {
      about: 'a camera for any software, which misbehaves on command',
      load: async () => (await import('./camera.ts')).addCamera,
    },
    proxy: {
      about: 'a link in front of any part, late, slow or gone as you say',
      load: async () => (await import('./proxy.ts')).addProxy,
    },
    fleet: {
      about: 'many doorbells on few processors; load a bridge as agencies do',
      load: async () => (await import('./fleet.ts')).addFleet,
      under: { load: async () => (await import('./load.ts')).addLoad },
    },
    prove: {
      about: 'show here, in a minute or two, what doorsill claims',
      load: async () => (await import('./prove.ts')).addProve,
    },
    story: {
      about: 'a demonstration on its own, which leaves nothing behind',
      load: async () => (await import('./story-verbs.ts')).addStory,
    },
    doctor: DOCTOR,
  },
  'As the owner:': {
    ...OWNER_VERBS,
    'search-party': {
      about: 'look for lost pets on the device; or have yours looked for',
      load: async () => (await import('./search-party.ts')).addSearchParty,
    },
  },
  "As an agency, a bridge's operator, or anyone:": {
    agency: {
      about: 'an agency: apply, request footage, evidence, a webhook',
      load: async () => (await import('./agency.ts')).addAgency,
      under: {
        request: async () => (await import('./request.ts')).addRequest,
        evidence: async () => (await import('./evidence.ts')).addEvidence,
        webhook: async () => (await import('./webhook.ts')).addWebhook,
      },
    },
    bridge: {
      about: 'a bridge, what its operator does, and the parts around it',
      load: async () => (await import('./part-verbs.ts')).addBridge,
      under: {
        moderate: async () => (await import('./moderate.ts')).addModerate,
        moderators: async () => (await import('./moderators.ts')).addModerators,
        partner: async () => (await import('./partner.ts')).addPartnerVerbs,
        dispute: async () => (await import('./dispute-manifest.ts')).addDispute,
        registry: async () => (await import('./part-verbs.ts')).addRegistry,
        broker: async () => (await import('./part-verbs.ts')).addBroker,
        deploy: async () => (await import('./deploy.ts')).addDeploy,
      },
    },
    vault: {
      about: 'the vault, which keeps what a bridge hands over',
      load: async () => (await import('./part-verbs.ts')).addVault,
    },
    audit: {
      about: "how agencies search, who was shown clips; watch a bridge's log",
      load: async () => (await import('./query-audit-verbs.ts')).addAudit,
      under: { witness: async () => (await import('./witness.ts')).addWitness },
    },
    verify: {
      about: 'check a clip or a ledger, offline',
      load: async () => (await import('./verify.ts')).addVerify,
    },
  },
  'A doorbell of a board:': {
    device: {
      about: 'one doorbell; b rings on a terminal',
      load: async () => (await import('./device-faults.ts')).addDevice,
      under: Object.fromEntries(Object.entries(DEVICE_VERBS).map(([name, { load }]) => [name, load])),
    },
  },
};

const WHERE_TO_BEGIN = `
To begin:
  $ doorsill up                              a doorbell and all it talks to
  $ doorsill replay 'synthetic?seconds=20'   what it notices of a porch
  $ doorsill doctor                          what is wrong here, if anything`;

const TRIED: Readonly<Record<string, string>> = {
  scenario: 'test',
  scenarios: 'test',
  start: 'up',
  run: 'up',
  fault: 'camera fault" or "device fault',
  faults: 'camera faults" or "device faults',
  load: 'fleet load',
  doorbell: 'up add", "up list" or "up remove',
  truth: 'replay truth',
  proof: 'left proof',
  'trust-clock': 'settings trust-clock',
  viewer: 'settings viewer',
  request: 'agency request',
  evidence: 'agency evidence',
  webhook: 'agency webhook',
  moderate: 'bridge moderate',
  moderators: 'bridge moderators',
  partner: 'bridge partner',
  dispute: 'bridge dispute',
  registry: 'bridge registry',
  broker: 'bridge broker',
  deploy: 'bridge deploy',
  witness: 'audit witness',
};

export const DOORSILL: CommandLine = {
  name: 'doorsill',
  about:
    'A smart-doorbell edge firmware simulator: every frame stays on the device until its owner grants a part of it.',
  verbs: VERBS,
  tried: TRIED,
  toBegin: WHERE_TO_BEGIN,
  around: TESTBED,
};

/** Runs the command line; sets the exit status, never throws. `argv` as process.argv. */
export function main(argv: string[]): Promise<void> {
  return runCommandLine(DOORSILL, argv);
}
