import { describe, expect, it } from 'vitest';
import { FAULTS, faultRow, isFaultName } from '../../../sim/camera-server/fault-table.ts';
import { FaultSet, parseFault } from '../../../sim/camera-server/faults.ts';

const S = 1_000_000;
const set = (...texts: string[]) => {
  const faults = new FaultSet();
  for (const text of texts) faults.add(parseFault(text));
  return faults;
};
const code = (code: string) => expect.objectContaining({ code });

describe('a fault as it is written', () => {
  it.each([
    ['frozen', { name: 'frozen', value: '', fromUs: 7 * S, untilUs: Number.POSITIVE_INFINITY }],
    ['frozen@10s+5s', { name: 'frozen', value: '', fromUs: 10 * S, untilUs: 15 * S }],
    ['frozen+1.5s', { fromUs: 7 * S, untilUs: 8.5 * S }],
    ['lost-packets=2.5%@1m', { value: 0.025, fromUs: 60 * S }],
    ['lost-packets', { value: 0.02 }],
    ['late-frames=300ms', { value: 300_000 }],
    ['pts-jump=-2s', { value: -2 * S }],
    ['clock-drift=-200', { value: -200 }],
    ['size-change=640x360@5s', { value: '640x360', fromUs: 5 * S }],
    ['hidden-text=a@b+c d=1@2s', { value: 'a@b+c d=1', fromUs: 2 * S }],
    ['redirect=rtsp://user@192.0.2.1:554/x+y+3s', { value: 'rtsp://user@192.0.2.1:554/x+y', untilUs: 10 * S }],
  ])('%s is read', (text, fault) => {
    expect(parseFault(text, 7 * S)).toMatchObject(fault);
  });

  it.each([
    ['frozn', 'camera_fault_unknown'],
    ['', 'camera_fault_unknown'],
    ['__proto__', 'camera_fault_unknown'],
    ['frozen=1', 'camera_fault_invalid'],
    ['frozen@10', 'camera_fault_invalid'],
    ['frozen+0s', 'camera_fault_invalid'],
    ['frozen+5s@10s', 'camera_fault_invalid'],
    ['frozen@1500m', 'camera_fault_invalid'],
    ['lost-packets=101%', 'camera_fault_invalid'],
    ['lost-packets=0%', 'camera_fault_invalid'],
    ['lost-packets=2', 'camera_fault_invalid'],
    ['size-change=321x240', 'camera_fault_invalid'],
    ['size-change=99999x2', 'camera_fault_invalid'],
    ['redirect=http://192.0.2.1/', 'camera_fault_invalid'],
    ['clock-drift=0', 'camera_fault_invalid'],
    [`hidden-text=${'x'.repeat(400)}`, 'camera_fault_invalid'],
  ])('%j is refused', (text, wanted) => {
    expect(() => parseFault(text)).toThrow(code(wanted));
  });

  it('is refused if it would end before it begins, and only then', () => {
    expect(parseFault('black@1s+5s', 6 * S - 1).untilUs).toBe(6 * S);
    expect(() => parseFault('black@1s+5s', 6 * S)).toThrow('over by now, 6.0 s after the first picture: leave @1s out');
  });

  it('gets a suggestion if its name is misspelled', () => {
    expect(() => parseFault('frozn')).toThrow(/did you mean frozen/);
  });

  it('has a row for every name, with a valid default', () => {
    const names = Object.keys(FAULTS).filter(isFaultName);
    expect(names.length).toBeGreaterThanOrEqual(40);
    for (const name of names) {
      expect(parseFault(name).name).toBe(name);
      expect(faultRow(name).layer === 'picture').toBe('picture' in faultRow(name));
    }
  });
});

describe("a camera's faults", () => {
  it('contradict each other only while they overlap', () => {
    expect(() => set('black@0s+5s', 'overexposed@4s')).toThrow(code('camera_faults_contradict'));
    expect(() => set('frozen', 'frozen@5s')).toThrow(code('camera_faults_contradict'));
    expect(() => set('wrong-password', 'redirect')).toThrow(code('camera_faults_contradict'));
    expect(set('black@0s+5s', 'overexposed@5s', 'noise').list(0)).toHaveLength(3);
  });

  it('cannot change the pictures of a file that is sent unchanged', () => {
    const faults = new FaultSet({ isCopied: true });
    expect(() => faults.add(parseFault('noise'))).toThrow(code('camera_faults_contradict'));
    faults.add(parseFault('lost-packets'));
  });

  it('change filters and encoder options for their period', () => {
    const faults = set('black@2s+2s', 'noise@3s', 'long-gop=4s@6s');
    expect([0, 2, 3, 4, 6].map((s) => faults.nextPictureChangeUs(s * S) / S)).toEqual([
      2,
      3,
      4,
      6,
      Number.POSITIVE_INFINITY,
    ]);
    expect([0, 2, 3, 4].map((s) => faults.pictureAt(s * S).filters.length)).toEqual([0, 1, 2, 1]);
    expect(faults.pictureAt(6 * S).encoder.join(' ')).toContain('n_forced*4)');
  });

  it('end when they are cleared, are dropped if they had not begun, and are counted', () => {
    const faults = set('noise@1s', 'black@9s');
    let changes = 0;
    faults.onChange(() => {
      changes += 1;
    });
    expect(faults.clear('all', 5 * S)).toBe(2);
    expect(faults.clear('noise', 5 * S)).toBe(0);
    expect(changes).toBe(1);
    expect(faults.at('noise', 4 * S)).not.toBeNull();
    expect(faults.at('noise', 5 * S)).toBeNull();
    expect(faults.at('black', 9 * S)).toBeNull();
    expect(faults.list(5 * S)).toEqual([]);
  });

  it('apply to viewers who come before the first picture, if they begin with it', () => {
    const faults = set('two-cameras', 'busy@0s+5s', 'half-open@1ms');
    const early = (['two-cameras', 'busy', 'half-open'] as const).map((name) => faults.at(name, -0.2 * S) !== null);
    expect(early).toEqual([true, true, false]);
  });

  it('are limited to 64', () => {
    const faults = new FaultSet();
    for (let at = 0; at < 64; at += 1) faults.add(parseFault(`frozen@${at * 2}s+1s`));
    expect(() => faults.add(parseFault('noise'))).toThrow(code('camera_faults_too_many'));
  });
});
