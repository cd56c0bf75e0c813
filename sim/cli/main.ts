// The verbs of `doorsill`, in the order of its help, and other words that people try for them. Verbs of a board and its owners: device/cli.

import { type CommandLine, runCommandLine } from '@doorsill/device/cli/command-line';
import { DEVICE_VERBS, DOCTOR, OWNER_VERBS } from '@doorsill/device/cli/verbs';
import { TESTBED } from '../testbed/testbed-surroundings.ts';

const VERBS: CommandLine['verbs'] = {
  'Everything on this machine:': {
    up: {
      about: 'run doorbells and their services; add, list, remove doorbells',
      load: async () => (await import('./story-verbs.ts')).addUp,
      under: {
        add: async () => (await import('./doorbell.ts')).addUpAdd,
        list: async () => (await import('./doorbell.ts')).addUpList,
        remove: async () => (await import('./doorbell.ts')).addUpRemove,
      },
    },
    demo: {
      about: 'request, grant and upload a clip unattended',
      load: async () => (await import('./story-verbs.ts')).addDemo,
    },
    replay: {
      about: 'play footage through a doorbell; check what it detects',
      load: async () => (await import('./replay.ts')).addReplay,
      under: { truth: async () => (await import('./truth.ts')).addTruth },
    },
    test: {
      about: 'run scenarios of doorbells, owners and agencies',
      load: async () => (await import('./test.ts')).addTest,
    },
    record: {
      about: 'record a live camera as a scenario that can be replayed',
      load: async () => (await import('./record.ts')).addRecord,
    },
    camera: {
      about: 'serve a camera for any software, with faults on command',
      load: async () => (await import('./camera.ts')).addCamera,
    },
    proxy: {
      about: 'put a slow, late or broken link in front of any service',
      load: async () => (await import('./proxy.ts')).addProxy,
    },
    fleet: {
      about: 'run many doorbells on few processors',
      load: async () => (await import('./fleet.ts')).addFleet,
    },
    prove: {
      about: 'prove the claims of doorsill on this machine, in minutes',
      load: async () => (await import('./prove.ts')).addProve,
    },
    story: {
      about: 'run one demonstration, which leaves nothing behind',
      load: async () => (await import('./story-verbs.ts')).addStory,
    },
    doctor: DOCTOR,
  },
  'As the owner:': {
    ...OWNER_VERBS,
    'search-party': {
      about: 'look for lost pets on the device; post your own',
      load: async () => (await import('./search-party.ts')).addSearchParty,
    },
  },
  "As an agency, a bridge's operator, or anyone:": {
    agency: {
      about: 'act as an agency: apply, request footage, keep evidence',
      load: async () => (await import('./agency.ts')).addAgency,
      under: {
        request: async () => (await import('./request.ts')).addRequest,
        evidence: async () => (await import('./evidence.ts')).addEvidence,
        webhook: async () => (await import('./webhook.ts')).addWebhook,
      },
    },
    bridge: {
      about: 'run and operate a bridge and the services around it',
      load: async () => (await import('./part-verbs.ts')).addBridge,
      under: {
        moderate: async () => (await import('./moderate.ts')).addModerate,
        moderators: async () => (await import('./bridge-operator-verbs.ts')).addModerators,
        partner: async () => (await import('./partner.ts')).addPartnerVerbs,
        dispute: async () => (await import('./bridge-operator-verbs.ts')).addDispute,
        registry: async () => (await import('./part-verbs.ts')).addRegistry,
        broker: async () => (await import('./part-verbs.ts')).addBroker,
        deploy: async () => (await import('./deploy.ts')).addDeploy,
      },
    },
    vault: {
      about: 'run the vault, which keeps handed-over clips; its policy',
      load: async () => (await import('./part-verbs.ts')).addVault,
    },
    audit: {
      about: "audit searches and accesses; watch a bridge's log",
      load: async () => (await import('./query-audit-verbs.ts')).addAudit,
      under: { witness: async () => (await import('./witness.ts')).addWitness },
    },
    verify: {
      about: 'check a clip or a ledger, offline; open a clip',
      load: async () => (await import('./verify.ts')).addVerify,
    },
  },
  'A doorbell of a board:': {
    device: {
      about: 'run one doorbell; b rings it at a terminal',
      load: async () => (await import('./device-faults.ts')).addDevice,
      under: Object.fromEntries(Object.entries(DEVICE_VERBS).map(([name, { load }]) => [name, load])),
    },
  },
};

const WHERE_TO_BEGIN = `
To begin:
  $ doorsill up                              a doorbell and its services
  $ doorsill replay 'synthetic?seconds=20'   see what it detects at a porch
  $ doorsill doctor                          check this machine`;

const TRIED: Readonly<Record<string, string>> = {
  scenario: 'test',
  scenarios: 'test',
  start: 'up',
  run: 'up',
  fault: 'camera fault" or "device fault',
  faults: 'camera faults" or "device faults',
  load: 'fleet',
  'audit generate': 'audit an export of your own; its columns are in `audit queries --help`',
  ...Object.fromEntries(
    ['--time-zone', '--off-hours', '--false-discoveries', '--labels'].map((option) => [
      `audit queries ${option}`,
      'the audit reads the words of searches alone, and proposes nobody for other habits',
    ]),
  ),
  'fleet --report': '`fleet --json` prints every second and the totals, and `--metrics` serves them for Prometheus',
  'story retention': '`vault category` sets how long a department keeps evidence',
  'story recall': '`test sim/scenarios/recall-after-hand-over.yaml` shows the same',
  'story community-request': '`agency request` and `bridge moderate` show the same',
  'story partner-ended': '`test sim/scenarios/ended-partner-refused.yaml` shows the same',
  'story federal-refused': '`test sim/scenarios/federal-agency-refused.yaml` shows the same',
  'story search-party': '`test sim/scenarios/lost-dog.yaml` shows the same',
  'fleet load': '`fleet --ask 5m` asks the homes of its town, and `agency request` any bridge',
  doorbell: 'up add", "up list" or "up remove',
  truth: 'replay truth',
  proof: 'left proof',
  decrypt: 'open',
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
