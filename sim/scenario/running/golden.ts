// A scenario's events as a text that is the same in every run, and its comparison with the stored one.

import type { Disk } from '@doorsill/base/disk';
import { createTwoFilesPatch } from 'diff';
import type { ScenarioWorld } from './scenario-world.ts';
import type { StepDone } from './step-times.ts';

const GOLDEN_BYTES_MAX = 16 * 1024 * 1024;

/** Ids that differ in each run; the scenario's names stand for them. */
const LEFT_OUT = new Set([
  'id',
  'device',
  'iss',
  'jti',
  'iat',
  'answers',
  'grant',
  'grantSha256',
  'intake',
  'ledger',
  'lastOrder',
  'aud',
]);

/** Events, decisions and steps as JSON lines, in order. */
export function goldenText(world: ScenarioWorld, steps: readonly StepDone[]): string {
  const names = new Map(world.requestNames.map((name) => [world.find(name)?.id ?? '', name]));
  const { startUs } = world.scenario;
  const lines: { atUs: number; line: object }[] = steps.map(({ step, atUs, code }) => ({
    atUs,
    line: { step: step.verb, ...(step.id === undefined ? {} : { id: step.id }), ...(code === null ? {} : { code }) },
  }));
  for (const home of world.homes) {
    for (const message of home.messages) {
      if (message.kind === 'event') {
        const { event } = message;
        lines.push({ atUs: message.publishedUs, line: { doorbell: home.name, ...plain(event, startUs) } });
      } else if (message.kind === 'receipt' && message.receipt.outcome !== 'command-done') {
        const { outcome, request, code, clip } = message.receipt;
        const of = request === undefined ? {} : { of: names.get(request) ?? 'another' };
        const facts = clip
          ? {
              frames: clip.frames,
              method: clip.method,
              sha256: clip.sealed?.clipSha256 ?? clip.sha256,
              disclosed: clip.disclosed,
            }
          : {};
        lines.push({
          atUs: message.publishedUs,
          line: { doorbell: home.name, receipt: outcome, ...of, ...(code === undefined ? {} : { code }), ...facts },
        });
      }
    }
  }
  return lines
    .map(({ atUs, line }, order) => ({ atUs, line, order }))
    .sort((a, b) => a.atUs - b.atUs || a.order - b.order)
    .map(({ atUs, line }) => `${JSON.stringify({ atS: Math.round(atUs / 1_000) / 1_000, ...line })}\n`)
    .join('');
}

function plain(event: object, startUs: number): object {
  return Object.fromEntries(
    Object.entries(event)
      .filter(([key]) => !LEFT_OUT.has(key))
      .map(([key, value]) => inScenarioTime(key, value, startUs)),
  );
}

/**
 * Wall times become seconds since the start, with another name, so that a golden file holds for every start. A line's own `atS` is when it
 * was published.
 */
function inScenarioTime(key: string, value: unknown, startUs: number): [string, unknown] {
  if (key.endsWith('Us') && typeof value === 'number')
    return [secondsName(key), Math.round((value - startUs) / 1_000) / 1_000];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [key, value];
  return [key, Object.fromEntries(Object.entries(value).map(([name, inner]) => inScenarioTime(name, inner, startUs)))];
}

/** `startUs` -> `startS`. */
const secondsName = (key: string) => (key === 'atUs' ? 'happenedS' : `${key.slice(0, -2)}S`);

/**
 * Converts a stored text: earlier versions named these seconds `atUs`, `startUs` and `endUs`. Quotes inside values are escaped, so they
 * don't match.
 */
const inTodaysForm = (text: string) => text.replaceAll(/"(\w+Us)":/g, (_all, key: string) => `"${secondsName(key)}":`);

/** The difference from the stored text, or null. With `update` the file is written, and the difference is the change. */
export async function compareGolden(disk: Disk, file: string, text: string, update: boolean): Promise<string | null> {
  const kept = await disk.readFile(file, GOLDEN_BYTES_MAX);
  const written = kept === null ? '' : new TextDecoder().decode(kept);
  const before = inTodaysForm(written);
  if (update && written !== text) await disk.replaceFile(file, new TextEncoder().encode(text));
  if (before === text) return null;
  return createTwoFilesPatch('expected', 'came', before, text, '', '', { context: 2 });
}
