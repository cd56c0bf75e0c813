// The retention story: one granted clip in the vault, and what department policy does to it over half a year.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isFailure } from '../errors.ts';
import { grantOnce, inTestbed } from './demo.ts';
import { Narrator } from './narrator.ts';
import type { StoryDeps } from './story-deps.ts';
import { InVault, TimedVault } from './vaulted-clip.ts';

const DAY_S = 24 * 3600;
/** Small and short: the story is about the clip in the vault. */
const FOOTAGE = { camera: 'synthetic?size=320x180', fromUs: 500_000, toUs: 2_000_000 };

/** Runs it with real processes. Throws `story_failed` when a check fails. */
export async function runRetentionStory(deps: StoryDeps & { logLevel: string }, signal: AbortSignal): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'doorsill-retention-'));
  try {
    const time = new TimedVault();
    const options = { ...FOOTAGE, logLevel: deps.logLevel, folder: join(folder, 'testbed'), vault: time };
    await inTestbed(options, deps, signal, async (scene) => {
      const granted = await grantOnce(scene, '', false);
      const vault = await InVault.of(scene, granted);
      const pass = (days: number) => time.pass(scene.testbed, days);
      await play({ vault, pass, story: new Narrator(deps.output, 'retention') }, granted.sentSha256);
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Shared by all chapters. */
interface Stage {
  vault: InVault;
  pass: (days: number) => Promise<void>;
  story: Narrator;
}

async function play(stage: Stage, sha256: string): Promise<void> {
  await periods(stage);
  await shortened(stage);
  await suspended(stage);
  const { vault, pass, story } = stage;
  await pass(7);
  const erased = await vault.see('seven days later');
  const deletion = vault.deletion(erased);
  story.tell(
    `Seven days later its bytes are destroyed. The vault's signed receipt names what is gone: ${sha256.slice(0, 16)}...`,
    erased.state === 'erased' && deletion?.clipSha256 === sha256 && !(await vault.hasBytes()),
  );
  await vault.set('setCategory', { category: 'robbery' }, { days: 3_650 });
  const refused = await vault.act('restoreItem', 'second thoughts').catch((thrown: unknown) => thrown);
  story.tell(
    'Lengthening the period afterwards revives nothing, and nobody can restore it.',
    isFailure(refused) && refused.code === 'evidence_state' && (await vault.see('is it back?')).state === 'erased',
  );
  story.proved(
    'the longest category wins; a community request counts from its upload; shortening a period deletes what is overdue; a case suspends deletion; deleted evidence can be restored for seven days and is then destroyed, with a signed receipt.',
  );
}

async function periods({ vault, pass, story }: Stage): Promise<void> {
  const fresh = await vault.see('new evidence');
  story.tell(
    'The clip is in the vault. Its category is not the department’s, so it is kept until somebody deletes it.',
    fresh.state === 'active' && fresh.deletesS === null,
  );
  await vault.set('setCategory', { category: 'package-theft' }, { days: 30 });
  const short = await vault.see('package theft: 30 days');
  story.tell(
    'The department keeps package-theft for 30 days: they count from the upload, because residents were asked.',
    short.deletesS === short.uploadedS + 30 * DAY_S,
  );
  await vault.set('setCategory', { category: 'robbery' }, { days: 90 });
  const long = await vault.act(
    'setItemCategories',
    'it was a robbery',
    {},
    { categories: ['package-theft', 'robbery'] },
  );
  story.tell(
    'It is a robbery, too, and robberies are kept for 90 days: the longest category wins.',
    long.deletesS === long.uploadedS + 90 * DAY_S,
  );
  await pass(40);
  const later = await vault.see('40 days later');
  story.tell('40 days pass. It is still there.', later.state === 'active');
}

async function shortened({ vault, pass, story }: Stage): Promise<void> {
  await vault.set('setCategory', { category: 'robbery' }, { days: 10 });
  const deleted = await vault.see('is it gone?');
  story.tell('Robberies are now kept for 10 days: what is overdue is deleted at once.', deleted.state === 'deleted');
  await vault.set('setCategory', { category: 'robbery' }, { days: 90 });
  story.tell('Lengthening it again revives nothing by itself.', (await vault.see('90 days again')).state === 'deleted');
  await pass(6);
  const restored = await vault.act('restoreItem', 'the trial is coming');
  story.tell('Six days later an officer restores it: seven are allowed.', restored.state === 'active');
}

async function suspended({ vault, pass, story }: Stage): Promise<void> {
  const held = await vault.act('addToCase', 'the trial', { case: 'SPD-2026-0117' });
  await pass(120);
  const kept = await vault.see('120 days later');
  story.tell(
    'It joins a case, which suspends deletion: 120 days later it is still there.',
    held.deletesS === null && kept.state === 'active',
  );
  const refused = await vault.act('deleteItem', 'tidying up').catch((thrown: unknown) => thrown);
  story.tell('Nobody can delete it by hand either.', isFailure(refused) && refused.code === 'evidence_state');
  await vault.act('removeFromCase', 'the trial is over', { case: 'SPD-2026-0117' });
  await pass(0);
  const deleted = await vault.see('is it gone?');
  story.tell(
    'The case is over, and so is its time: it is deleted, and its bytes wait to be restored.',
    deleted.state === 'deleted' && (await vault.hasBytes()),
  );
}
