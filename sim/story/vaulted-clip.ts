// A clip in a testbed's vault, for stories: signed messages are verified, files are looked at, the clock can be advanced.
import { fileURLToPath } from 'node:url';
import { verifySignature } from '@doorsill/base/keys';
import { Deletion, RecallAnswer } from '@doorsill/contract/hand-over-documents';
import { openToken, type TokenType } from '@doorsill/contract/jws';
import { PUBLIC_AUDIENCE } from '@doorsill/contract/shared-claims';
import type { z } from 'zod';
import { failure } from '../errors.ts';
import { allOf } from '../officer/clip-file.ts';
import { DEMO_AGENCY } from '../officer/registration.ts';
import type { Parameters } from '../officer/service-client.ts';
import type { ItemView } from '../officer/service-operations.ts';
import type { Testbed } from '../testbed/testbed.ts';
import { evidenceFolder } from '../testbed/testbed-folder.ts';
import { type DemoRun, type Granted, handedOver } from './demo.ts';

/** The vault's program with a clock that a story advances. */
export class TimedVault {
  readonly program = fileURLToPath(new URL('./timed-vault-program.js', import.meta.url));
  private passed: () => void = () => undefined;

  readonly onLine = (line: Record<string, unknown>): void => {
    if (line['event'] === 'passed') this.passed();
  };

  /** Advances the vault's clock by days; resolves once the vault has done everything that is due. */
  pass(testbed: Testbed, days: number): Promise<void> {
    return new Promise((resolve) => {
      this.passed = resolve;
      testbed.part('vault').sendLine({ passS: days * 24 * 3600 });
    });
  }
}

/** The officer who looks at evidence in the stories: fictional, like the agency. */
const OFFICER = DEMO_AGENCY.contact.name;
const CONFIRMED_MS_MAX = 20_000;
const CLIP_BYTES_MAX = 64 * 1024 * 1024;

export class InVault {
  private readonly scene: DemoRun;
  readonly item: string;

  constructor(scene: DemoRun, item: string) {
    this.scene = scene;
    this.item = item;
  }

  /** The item of a granted clip, once the vault shows it. Throws `timed_out`. */
  static async of(scene: DemoRun, granted: Granted): Promise<InVault> {
    const item = await handedOver(scene, granted);
    const who = { officer: OFFICER, reason: 'a granted clip has come' };
    const seen = await scene.facts.evidence.whenItem(item, who, () => true, CONFIRMED_MS_MAX, scene.signal);
    if (seen) return new InVault(scene, item);
    throw failure('timed_out', { what: 'the evidence in the vault', seconds: CONFIRMED_MS_MAX / 1000 });
  }

  /** The item as an officer sees it now. */
  see(reason: string): Promise<ItemView> {
    return this.act('readItem', reason);
  }

  /** The clip as an officer gets it from the vault. */
  async download(reason: string): Promise<Uint8Array> {
    const { parts } = await this.scene.facts.evidence.clip(this.item, { officer: OFFICER, reason }, CLIP_BYTES_MAX);
    return allOf(parts);
  }

  /** Performs an officer's action; returns the item afterwards. */
  act(
    operation: 'readItem' | 'setItemCategories' | 'addToCase' | 'removeFromCase' | 'deleteItem' | 'restoreItem',
    reason: string,
    parameters: Parameters = {},
    body?: object,
  ): Promise<ItemView> {
    const who = { officer: OFFICER, reason };
    return this.scene.facts.evidence.call(operation, who, { item: this.item, ...parameters }, body);
  }

  /** Changes the department's policy. */
  async set(operation: 'setPolicy' | 'setCategory', parameters: Parameters, body: object): Promise<void> {
    const who = { officer: OFFICER, reason: 'department policy' };
    await this.scene.facts.evidence.call(operation, who, parameters, body);
  }

  /** Whether the clip's bytes are on the vault's disk. */
  async hasBytes(): Promise<boolean> {
    return (await this.scene.deps.disk.list(evidenceFolder(this.scene.testbed.folder, this.item))).length > 0;
  }

  /** The vault's signed deletion receipt; null when there is none that verifies. */
  deletion(view: ItemView): Deletion | null {
    return this.signed(view.deletion, 'doorsill-deletion+jws', Deletion, PUBLIC_AUDIENCE);
  }

  /** The vault's signed answer to a recall, as the officer is shown it; null when there is none that verifies. */
  recallAnswer(view: ItemView, grant: string): RecallAnswer | null {
    return this.signed(view.recall, 'doorsill-recall-answer+jws', RecallAnswer, grant);
  }

  private signed<Claims extends { iss: string; aud: string }>(
    token: string | null,
    typ: TokenType,
    schema: z.ZodType<Claims>,
    audience: string,
  ): Claims | null {
    const keys = [this.scene.facts.vault.key];
    const opened = openToken(token ?? '', { typ, schema, audience, keys, verify: verifySignature });
    return opened.ok ? opened.claims : null;
  }
}
