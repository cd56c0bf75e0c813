// Holds: lasting trouble is logged once, with its latest reason; short trouble is not.
import { expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import { LastingTrouble } from '../../../device/base/lasting-trouble.ts';
import { type LogFacts, silentLog } from '../../../device/base/log.ts';
import { failure } from '../../../device/contract/errors.ts';

function make() {
  const clock = new ManualClock(0);
  const warned: [string, LogFacts | undefined][] = [];
  const log = { ...silentLog(), warn: (message: string, facts?: LogFacts) => void warned.push([message, facts]) };
  return { clock, warned, trouble: new LastingTrouble({ clock, log }, 'it is lost') };
}

it('is logged once after 30 s, with the latest reason’s advice, and again only after it was over', async () => {
  const { clock, warned, trouble } = make();
  trouble.is(new Error('unknown as yet'));
  await clock.advance(20_000);
  const why = failure('unreachable', { what: 'the home broker', where: 'mqtt://here:1', detail: 'gone' });
  trouble.is(why);
  await clock.advance(9_999);
  expect(warned).toEqual([]);
  await clock.advance(1);
  const told = ['it is lost', { code: 'unreachable', detail: why.message, advice: why.advice, forS: 30 }];
  expect(warned).toEqual([told]);
  trouble.is(why);
  await clock.advance(3_600_000);
  expect(warned).toEqual([told]);
  trouble.is(null);
  trouble.is(why);
  await clock.advance(30_000);
  expect(warned).toEqual([told, told]);
});

it('is not logged if it ends before', async () => {
  const { clock, warned, trouble } = make();
  trouble.is(new Error('lost'));
  await clock.advance(29_000);
  trouble.is(null);
  trouble.is(new Error('lost'));
  await clock.advance(29_000);
  trouble.is(null);
  await clock.advance(60_000);
  expect(warned).toEqual([]);
});
