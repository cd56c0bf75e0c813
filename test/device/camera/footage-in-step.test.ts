import { expect, it } from 'vitest';
import { FootageInStep } from '../../../device/camera/footage-in-step.ts';

/** A footage's time that moves when it is told to. */
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

it('gives nothing before its time, in the order of times, footage before pictures of the same moment', async () => {
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
  // What comes after the fragment is not known yet: a later one could be earlier than the picture.
  expect(given).toEqual(['p0', 'p500', 'f1000']);
  inStep.over('fragments');
  inStep.over('pictures');
  await inStep.given();
  expect(given).toEqual(['p0', 'p500', 'f1000', 'p1000']);
});

it('takes more from one pipe only while the other has brought nothing', async () => {
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

it('gives nothing more once it is stopped, whatever has come already', async () => {
  const { time, controller, given, inStep, note } = rig();
  void inStep.add('pictures', 500, note('p'));
  void inStep.add('fragments', 1_000, note('f'));
  await turn();
  controller.abort();
  time.pass(2_000);
  await inStep.given();
  expect(given).toEqual([]);
});

it('throws on what giving threw, to whoever brings more and to whoever waits for the end', async () => {
  const { time, inStep } = rig();
  const first = inStep.add('pictures', 0, () => {
    throw new Error('another plan is needed');
  });
  first.catch(() => undefined);
  inStep.over('fragments');
  time.pass(0);
  await expect(inStep.given()).rejects.toThrow('another plan');
  await expect(inStep.add('pictures', 1, () => undefined)).rejects.toThrow('another plan');
});
