// Runs once each the statements of the stores that their contracts do not run; their results are tested elsewhere.
import { expect } from 'vitest';
import type { Database } from '../../../cloud-bridge/bridge-database.ts';
import type { StoredSearch } from '../../../cloud-bridge/search-party/search-party-store.ts';
import type { VaultDatabase } from '../../../cloud-bridge/vault/vault-database.ts';
import { sha256Hex } from '../../../device/base/keys.ts';
import { PLENTY, storedRequest } from '../../support/stored-request.ts';
import { plainItem } from './plain-item.ts';
import { enrolAndAsk, key, limits, plainIntake, SEALED } from './plain-rows.ts';

const hash = sha256Hex('x');

/** On a fresh database. */
export async function runOtherBridgeStatements(database: Database): Promise<void> {
  await database.sharedPart.assertNone();
  await database.sharedPart.claim('bridge-a');
  await expect(database.sharedPart.assertNone()).rejects.toMatchObject({ code: 'database_unfit' });
  await enrolAndAsk(database);
  const { requests, moderators, answers, health, manifests } = database;
  await requests.ofAgency('agency-a', null, 1);
  await requests.ofAgency('agency-a', { submittedS: 9, request: 'request-z' }, 1);
  await requests.counts(1);
  await moderators.add({ moderator: 'moderator-a', name: 'A', sinceS: 1 }, 'h');
  await moderators.findByToken('h');
  await moderators.list();
  await moderators.remove('moderator-a');
  await answers.find('k', 1);
  const answer = { bodySha256: hash, status: 200, answer: '{}' };
  for (const name of ['k', 'l']) await answers.keep(name, 'caller', answer, { nowS: 1, expiresS: 9, perCallerMax: 1 });
  await health.write(1);
  await database.intakes.open(plainIntake(), SEALED, limits, 1);
  await database.intakes.beginAnew('upload-a', 'upload-b');
  await database.cloneSigns.note(key.device, 'device_clone_clip', 1);
  await database.cloneSigns.list(null, 1);
  await database.cloneSigns.list({ lastS: 1, device: key.device, code: 'device_clone_clip' }, 1);
  await manifests.sealed(key);
  await manifests.note(key, {
    clip: 'clip-a',
    grant: key.grant,
    manifestSha256: hash,
    by: 'owner',
    reasonSha256: hash,
  });
  await manifests.former(1);
  await manifests.replace(key, SEALED);
  await tellAgency(database);
  await lookForPet(database);
}

async function tellAgency({ webhooks, requests }: Database): Promise<void> {
  const webhook = {
    organisation: 'agency-a',
    agency: 'agency-a',
    url: 'https://agency.example/',
    secret: 's',
    saidS: 1,
  };
  await webhooks.set(webhook);
  await webhooks.find('agency-a');
  await requests.add(storedRequest({ request: 'request-b', tokenSha256: sha256Hex('b'), investigation: 'b' }), PLENTY);
  const event = (id: string) => ({ id, type: 'request.published', atS: 1, request: 'request-a' }) as const;
  await webhooks.gather(1, { eventOf: ({ leaf }) => event(`event-${leaf}`), expired: (request) => event(request) });
  const [due] = await webhooks.due(10, 5);
  await webhooks.settle(due?.event ?? '', { state: 'waiting', attempts: 1, nextS: 20, detail: 'late' });
  await webhooks.page('agency-a', null, 1);
  await webhooks.page('agency-a', 9, 1);
  await webhooks.counts();
  await webhooks.forget(1);
  await webhooks.set({ ...webhook, url: null, saidS: 2 });
}

async function lookForPet({ searches }: Database): Promise<void> {
  const search: StoredSearch = {
    search: 'search-a',
    device: key.device,
    posterKey: 'p',
    token: 't',
    tokenSha256: hash,
    publication: '',
    photo: 'p',
    cells: ['cell-a'],
    state: 'open',
    postedS: 1,
    expiresS: 9,
  };
  const plenty = { openPerHomeMax: 9, postsPerDayMax: 9, openPerCellMax: 9, nowS: 1 };
  await searches.add(search, plenty);
  await searches.find('search-a');
  await searches.unexpired(1);
  await searches.nextRevision('cell-a', 1);
  await searches.publishedCells();
  await searches.end('search-a');
  await searches.tidy(10, 9);
}

/** On a fresh database. */
export async function runOtherVaultStatements({ successions, items }: VaultDatabase): Promise<void> {
  const line = {
    atUs: 1,
    item: '',
    cases: [],
    event: 'agency-key-rotated',
    detail: '',
    by: 'operator',
    officer: '',
    reason: '',
  };
  await items.add(plainItem, { ...line, agency: plainItem.agency });
  await successions.succeed(plainItem.agency, 'agency-z', line);
  await successions.agencyKey('agency-z');
}
