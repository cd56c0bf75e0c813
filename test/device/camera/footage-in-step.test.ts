import { expect, it } from 'vitest';
import { FootageInStep } from '../../../device/camera/footage-in-step.ts';

/** A footage clock that is moved by hand. */
class Time {
  nowUs = 0;
  private readonly waiting: { atUs: number; go: () => void }[] = [];

  readonly reach = (atUs: number): Promise<void> =>
    new Promise((resolve) => {
      this.waiting.push({ atUs, go: resolve });
      this.pass(this.nowUs);
    });

  pass(toUs: number): void {
    this.nowUs = toUs;
    for (const one of this.waiting.filter(({ atUs }) => atUs <= toUs)) {
      this.waiting.splice(this.waiting.indexOf(one), 1);
      one.go();
    }
  }
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 1));

function rig() {
  const time = new Time();
  const controller = new AbortController();
  const given: string[] = [];
  const inStep = new FootageInStep(time.reach, controller.signal);
  const note = (name: string) => () => void given.push(name);
  return { time, controller, given, inStep, note };
}

it('delivers each item at its time, in order, fragments before pictures of the same time', async () => {
  const { time, given, inStep, note } = rig();
  void inStep.add('pictures', 0, note('p0'));
  void inStep.add('fragments', 1_000, note('f1000'));
  void inStep.add('pictures', 500, note('p500'));
  void inStep.add('pictures', 1_000, note('p1000'));
  await turn();
  expect(given).toEqual(['p0']);
  time.pass(600);
  await turn();
  expect(given).toEqual(['p0', 'p500']);
  time.pass(1_000);
  await turn();
  // The item after the fragment is not known yet, and could be earlier than the picture.
  expect(given).toEqual(['p0', 'p500', 'f1000']);
  inStep.over('fragments');
  inStep.over('pictures');
  await inStep.delivered();
  expect(given).toEqual(['p0', 'p500', 'f1000', 'p1000']);
});

it('accepts more from one pipe only while the other is empty', async () => {
  const { time, inStep, note } = rig();
  let isTaken = false;
  void inStep.add('fragments', 1_000, note('f')).then(() => {
    isTaken = true;
  });
  await turn();
  expect(isTaken).toBe(true);
  const more = { isTaken: false };
  void inStep.add('pictures', 500, note('p')).then(() => {
    more.isTaken = true;
  });
  await turn();
  expect(more.isTaken).toBe(false);
  time.pass(500);
  await turn();
  expect(more.isTaken).toBe(true);
});

it('delivers nothing more once it is stopped', async () => {
  const { time, controller, given, inStep, note } = rig();
  void inStep.add('pictures', 500, note('p'));
  void inStep.add('fragments', 1_000, note('f'));
  await turn();
  controller.abort();
  time.pass(2_000);
  await inStep.delivered();
  expect(given).toEqual([]);
});

it('rejects later additions and the end with the error of a delivery', async () => {
  const { time, inStep } = rig();
  const first = inStep.add('pictures', 0, () => {
    throw new Error('another plan is needed');
  });
  first.catch(() => undefined);
  inStep.over('fragments');
  time.pass(0);
  await expect(inStep.delivered()).rejects.toThrow('another plan');
  await expect(inStep.add('pictures', 1, () => undefined)).rejects.toThrow('another plan');
});
