// The recall story: an owner revokes a clip before the vault has it, and afterwards, at a department that erases and at one that keeps.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recallAnswerOf } from '@doorsill/contract/hand-over-documents';
import type { Receipt } from '@doorsill/contract/home-messages';
import { makeRevoke } from '@doorsill/device/owner/sign-owner-messages';
import { evidenceId } from '../officer/evidence-client.ts';
import { testbedPaths } from '../testbed/testbed-folder.ts';
import { type DemoRun, type Granted, grantOnce, inTestbed } from './demo.ts';
import { Narrator } from './narrator.ts';
import type { StoryDeps } from './story-deps.ts';
import { InVault } from './vaulted-clip.ts';

const FOOTAGE = { camera: 'synthetic?size=320x180', fromUs: 500_000, toUs: 2_000_000 };
const ANSWER_MS_MAX = 60_000;
const REASON = 'It is evidence in a trial; ask again after the verdict.';

/** Runs it with real processes. Throws `story_failed` when a check fails. */
export async function runRecallStory(deps: StoryDeps & { logLevel: string }, signal: AbortSignal): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'doorsill-recall-'));
  try {
    await inTestbed(
      { ...FOOTAGE, logLevel: deps.logLevel, folder: join(folder, 'testbed') },
      deps,
      signal,
      async (scene) => {
        const story = new Narrator(deps.output, 'recall');
        await before(scene, story);
        await erased(scene, story);
        await kept(scene, story);
        story.proved(
          'until the vault has a clip, its owner’s revocation erases it everywhere; afterwards department policy answers, and the owner hears that answer under the vault’s own signature.',
        );
      },
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The vault is suspended: the bridge still holds the clip, and the owner revokes before the hand-over. */
async function before(scene: DemoRun, story: Narrator): Promise<void> {
  const { testbed, facts, deps } = scene;
  const vault = testbed.part('vault').pid ?? 0;
  process.kill(vault, 'SIGSTOP');
  let granted: Granted;
  try {
    granted = await grantOnce(scene, '', false, { investigation: 'SPD-2026-0001' });
    const clips = () => deps.disk.list(join(testbedPaths(testbed.folder).bridge, 'clips'));
    story.tell(
      'The vault stands still. The granted clip waits at the bridge.',
      (await clips()).includes(granted.clipId),
    );
    const taken = await revoked(scene, granted, ({ outcome }) => outcome === 'revoked');
    const endMs = deps.clock.monotonicMs() + ANSWER_MS_MAX;
    while ((await clips()).length > 0 && deps.clock.monotonicMs() < endMs) await deps.clock.sleep(20, scene.signal);
    story.tell(
      'Its owner takes it back: the bridge erases it at once.',
      taken.outcome === 'revoked' && (await clips()).length === 0,
    );
  } finally {
    process.kill(vault, 'SIGCONT');
  }
  const answered = await receiptWhen(scene, granted, ({ outcome }) => outcome === 'deleted');
  const item = evidenceId(facts.bridge.id, granted.clipId);
  story.tell(
    'The vault goes on. Only when it has let go of what it was offered does the owner hear: deleted.',
    answered.outcome === 'deleted' && !(await new InVault(scene, item).hasBytes()),
  );
}

/** A department that erases on recall. */
async function erased(scene: DemoRun, story: Narrator): Promise<void> {
  const granted = await grantOnce(scene, '', false, { investigation: 'SPD-2026-0002' });
  const vault = await InVault.of(scene, granted);
  const bridge = await scene.deps.disk.list(join(testbedPaths(scene.testbed.folder).bridge, 'clips'));
  story.tell(
    'A second clip is handed over: the vault has it, the bridge keeps nothing.',
    (await vault.hasBytes()) && bridge.length === 0,
  );
  const answered = await revoked(scene, granted, ({ outcome }) => outcome === 'deleted' || outcome === 'recalled');
  const answer = recallAnswerOf(answered);
  story.tell(
    'Its owner takes it back. This department erases on recall; the owner hears so, signed by the vault, with the hash.',
    answer?.decision === 'erased' && answer.clipSha256 === granted.sentSha256 && !(await vault.hasBytes()),
  );
  const receipt = vault.deletion(await vault.see('what became of it?'));
  story.tell(
    `The officer sees what is gone, and why: ${granted.sentSha256.slice(0, 16)}..., recall.`,
    receipt?.cause === 'recall' && receipt.clipSha256 === granted.sentSha256,
  );
}

/** A department that keeps the clip and gives a reason. */
async function kept(scene: DemoRun, story: Narrator): Promise<void> {
  const granted = await grantOnce(scene, '', false, { investigation: 'SPD-2026-0003' });
  const vault = await InVault.of(scene, granted);
  await vault.set('setPolicy', {}, { recall: { answer: 'keep', reason: REASON } });
  const answered = await revoked(scene, granted, ({ outcome }) => outcome === 'deleted' || outcome === 'recalled');
  const answer = recallAnswerOf(answered);
  story.tell(
    `A third clip, and a department that keeps it. The owner hears why: "${answer?.reason}"`,
    answered.outcome === 'recalled' && answer?.decision === 'kept' && answer.reason === REASON,
  );
  const seen = await vault.see('the trial');
  story.tell(
    'The evidence stays, with the owner’s recall and that answer on it.',
    seen.state === 'active' && vault.recallAnswer(seen, granted.grant)?.decision === 'kept' && (await vault.hasBytes()),
  );
}

/** The owner takes a grant back; resolves with the first receipt about it that `looks` accepts. */
async function revoked(scene: DemoRun, granted: Granted, looks: (receipt: Receipt) => boolean): Promise<Receipt> {
  const { session, signer } = scene;
  const { grant, grantSha256, request } = granted;
  const { token } = makeRevoke(signer, session.home.device, { request, grant, grantSha256 });
  return receiptWhen(scene, granted, looks, () => session.answer(request, 'revoke', token));
}

function receiptWhen(
  scene: DemoRun,
  { grant }: Granted,
  looks: (receipt: Receipt) => boolean,
  begin: () => Promise<void> = async () => undefined,
): Promise<Receipt> {
  return scene.session.waitFor<Receipt>(
    'what became of the clip',
    ANSWER_MS_MAX,
    (found) => ({ receipt: (receipt) => receipt.grant === grant && looks(receipt) && found(receipt) }),
    begin,
    scene.signal,
  );
}
