// Holds: lines of a fleet's doorbells have their names, and a warning of many at the same time is one line, and one more with a count.
import { expect, it } from 'vitest';
import { ManualClock } from '../../../device/base/clock.ts';
import type { Log, LogFacts } from '../../../device/base/log.ts';
import { FleetLog } from '../../../sim/fleet/fleet-log.ts';

function make() {
  const clock = new ManualClock(0);
  const lines: [string, string, LogFacts][] = [];
  const log = (own: LogFacts): Log => {
    const at = (level: string) => (message: string, facts?: LogFacts) =>
      void lines.push([level, message, { ...own, ...facts }]);
    return {
      ...{ debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
      child: (facts) => log({ ...own, ...facts }),
    };
  };
  return { clock, lines, fleet: new FleetLog(log({}), clock) };
}

it('writes a doorbell’s warning with its name, and counts the same warning of others', async () => {
  const { clock, lines, fleet } = make();
  const [one, two, three] = ['a', 'b', 'c'].map((name) => fleet.of(name).child({ link: 'home' })) as [Log, Log, Log];
  one.warn('out of reach', { code: 'unreachable', detail: 'refused' });
  two.warn('out of reach', { code: 'unreachable', detail: 'reset' });
  three.warn('out of reach', { code: 'unreachable' });
  three.warn('out of reach', { code: 'unreachable' });
  const first = ['warn', 'out of reach', { doorbell: 'a', link: 'home', code: 'unreachable', detail: 'refused' }];
  expect(lines).toEqual([first]);
  await clock.advance(29_999);
  expect(lines).toEqual([first]);
  await clock.advance(1);
  const sum = ['warn', 'out of reach', { code: 'unreachable', doorbells: 2, times: 3, withinS: 30 }];
  expect(lines).toEqual([first, sum]);
  // Still counted after the line with the count; once nothing was counted for 30 s, it is written again.
  two.warn('out of reach', { code: 'unreachable' });
  await clock.advance(30_000);
  const again = ['warn', 'out of reach', { code: 'unreachable', doorbells: 1, times: 1, withinS: 30 }];
  expect(lines).toEqual([first, sum, again]);
  await clock.advance(30_000);
  two.warn('out of reach', { code: 'unreachable' });
  expect(lines.at(-1)).toEqual(['warn', 'out of reach', { doorbell: 'b', link: 'home', code: 'unreachable' }]);
  expect(lines).toHaveLength(4);
});

it('writes a warning with another level, message or code', () => {
  const { lines, fleet } = make();
  const [one, two] = [fleet.of('a'), fleet.of('b')];
  one.warn('lost', { code: 'x' });
  two.warn('lost', { code: 'y' });
  two.error('lost', { code: 'x' });
  two.warn('gone', { code: 'x' });
  two.warn('lost');
  expect(lines.map(([, , { doorbell }]) => doorbell)).toEqual(['a', 'b', 'b', 'b', 'b']);
});

it('writes every line below a warning', () => {
  const { lines, fleet } = make();
  for (const name of ['a', 'b']) {
    fleet.of(name).info('connected');
    fleet.of(name).debug('heard');
  }
  expect(lines.map(([level, , { doorbell }]) => `${level} ${doorbell}`)).toEqual([
    'info a',
    'debug a',
    'info b',
    'debug b',
  ]);
});

it('writes open counts when the fleet ends, and leaves no timer', async () => {
  const { clock, lines, fleet } = make();
  for (const name of ['a', 'b', 'c']) fleet.of(name).error('cannot start');
  fleet.of('a').warn('alone');
  fleet.stop();
  expect(lines.slice(2)).toEqual([['error', 'cannot start', { doorbells: 2, times: 2, withinS: 30 }]]);
  await clock.advance(60_000);
  expect(lines).toHaveLength(3);
});
