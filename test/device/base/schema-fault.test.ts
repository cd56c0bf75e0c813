import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { plainFault, readBySchema } from '../../../device/base/schema-fault.ts';

const settings = z.strictObject({
  name: z.string().min(1).max(60),
  motion: z.strictObject({ sensitivity: z.int().min(1).max(100).default(65) }).prefault({}),
  ring: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('memory'), bytes: z.int().positive().optional() }),
    z.strictObject({ kind: z.literal('file') }),
  ]),
  format: z.enum(['h264', 'mjpeg']).default('h264'),
  buttons: z.array(z.strictObject({ id: z.string().regex(/^[a-z]+$/, 'small letters') })).max(2),
  rate: z.string().regex(/^\d+$/).transform(Number).pipe(z.int().max(120)).default(15),
  keep: z.union([z.literal('all'), z.number().min(0)]).default('all'),
  days: z.int().min(0).max(30).nullable().default(null),
  loud: z.boolean().default(false),
});
const GOOD = { name: 'Porch', ring: { kind: 'memory' }, buttons: [] };
const faultOf = (change: object) => {
  const read = readBySchema(settings, { ...GOOD, ...change });
  return read.ok ? 'none' : read.fault;
};

describe('a value from outside', () => {
  it('is read with its defaults', () => {
    expect(readBySchema(settings, GOOD)).toMatchObject({ ok: true, data: { motion: { sensitivity: 65 }, rate: 15 } });
  });

  it.each<[object, string]>([
    [{ name: undefined }, 'name: it is missing, and takes a text of 1 to 60 letters'],
    [{ name: 5 }, 'name: it takes a text of 1 to 60 letters, not a number'],
    [{ name: 'x'.repeat(61) }, 'name: it takes a text of 1 to 60 letters, not 61 letters'],
    [{ motion: { sensitivity: 500 } }, 'motion.sensitivity: it takes a whole number from 1 to 100, not 500'],
    [{ motion: { sensitivity: 'high' } }, 'motion.sensitivity: it takes a whole number from 1 to 100, not a text'],
    [{ motion: { sensitivity: 1.5 } }, 'motion.sensitivity: it takes a whole number from 1 to 100, not 1.5'],
    [{ motion: { sensitivty: 5 } }, 'motion: there is no "sensitivty" here (did you mean "sensitivity"?)'],
    [{ motion: [] }, 'motion: it takes an object, not a list'],
    [{ ring: { kind: 'tape' } }, 'ring.kind: it takes one of "memory", "file"'],
    [{ ring: { kind: 'memory', bytes: 0 } }, 'ring.bytes: it takes a whole number above 0, not 0'],
    [{ format: 'vp9' }, 'format: it takes one of "h264", "mjpeg", not "vp9"'],
    [{ buttons: [{ id: 'A' }] }, 'buttons[0].id: small letters'],
    [{ buttons: [{}, {}, {}] }, 'buttons: it takes a list of at most 2 members, not 3 members'],
    [{ rate: 'fast' }, 'rate: it takes a text of another form than this one'],
    [{ rate: '500' }, 'rate: it takes at most 120, not 500'],
    [{ keep: 'some' }, 'keep: it takes "all" or a number of at least 0, not a text'],
    [{ days: 90 }, 'days: it takes a whole number from 0 to 30, not 90'],
    [{ loud: null }, 'loud: it takes true or false, not null'],
    [{ sead: 1 }, 'there is no "sead" here'],
    [
      { name: '', loud: 1 },
      'name: it takes a text of 1 to 60 letters, not 0 letters; loud: it takes true or false, not a number',
    ],
  ])('is refused with its field, what that takes and what it is: %j', (change, fault) => {
    expect(faultOf(change)).toContain(fault);
    expect(faultOf(change)).not.toMatch(/invalid|expected|received|too (big|small)|unrecognized|pattern/i);
  });

  it('has a name even if it is not in a field', () => {
    expect(readBySchema(settings, 'x', 'body')).toEqual({ ok: false, fault: 'body: it takes an object, not a text' });
    expect(readBySchema(settings, undefined)).toEqual({ ok: false, fault: 'it is missing, and takes an object' });
  });

  it('is never repeated where it may be a password', () => {
    const read = readBySchema(z.strictObject({ password: z.string().max(4), tls: z.strictObject({}) }), {
      ...{ password: 'hunter2', tls: 'hunter2' },
    });
    expect(JSON.stringify(read)).not.toContain('hunter2');
  });

  it('is described also for a schema that JSON Schema cannot express', () => {
    const schema = z.strictObject({ camera: z.string(), note: z.unknown().default(undefined) });
    const read = readBySchema(schema, { camera: 5, cam: 'x' });
    expect(read.ok ? 'none' : read.fault).toMatch(/^camera: it takes a text, not a number; .*cam/);
  });

  it('that was read without these options is described in plain words, too', () => {
    const { error } = settings.safeParse({ ...GOOD, name: 5, buttons: [{ id: 'A' }] });
    expect(error && plainFault(error)).toMatch(/^name: it takes a text(, not a number)?; buttons\[0\]\.id: /);
    expect(error && plainFault(error)).not.toMatch(/invalid|expected/i);
  });
});
