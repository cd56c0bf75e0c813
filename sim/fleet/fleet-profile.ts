// The profile of a fleet, as it is written (YAML or JSON) and as the code has it. Every key has a default, so that no profile is needed.
import { eachFact } from '@doorsill/contract/shared-claims';
import { z } from 'zod';
import { durationSchema } from '../scenario/language/durations.ts';

/** Doorbells of one fleet, over all of its machines. */
export const DOORBELLS_MAX = 100_000;
const SCENES_MAX = 16;
const AREAS_MAX = 64;
export const HOURS = 24;
/** Largest ring of a doorbell. */
const RING_BYTES_MAX = 1024 * 1024 * 1024;
/** A smaller ring has no room for two segments. */
const RING_BYTES_MIN = 64 * 1024;
/** Room for keyframes above the mean, for headers and seals: blocks of 4096 bytes. */
const RING_SPARE = 1.15;
const SECOND_US = 1_000_000;
const HOUR_US = 3_600 * SECOND_US;

/** The ways in which owners answer; a profile gives a percentage for each. */
export const MANNERS = ['share', 'decline', 'ignore', 'slow', 'revoke', 'offline'] as const;
export type Manner = (typeof MANNERS)[number];

const between = (least: number, most: number, unit: string) => {
  const fault = { error: `it takes ${least} to ${most} ${unit}` };
  return z.number().min(least, fault).max(most, fault);
};

const wholeBetween = (least: number, most: number, unit: string) => {
  const fault = { error: `it takes a whole number of ${least} to ${most} ${unit}` };
  return z.int(fault).min(least, fault).max(most, fault);
};

const percent = between(0, 100, 'percent');

/** A duration within limits, in microseconds once it is read; `limits`: the same in the file's spelling. */
const durationBetween = (leastS: number, mostS: number, limits: string) =>
  durationSchema.refine((us) => us >= leastS * SECOND_US && us <= mostS * SECOND_US, `it takes ${limits}`);

/** A range of durations. */
const delaysSchema = z
  .strictObject({
    from: durationBetween(0, 24 * 3_600, '0s to 24h'),
    to: durationBetween(0, 24 * 3_600, '0s to 24h'),
  })
  .refine(({ from, to }) => from <= to, { path: ['to'], error: 'it takes a duration that is not shorter than "from"' });

const rate = between(0, 3_600, 'an hour');

/** One rate, or one for each hour of the day; 24 once it is read. */
const hourlySchema = z
  .union([
    rate,
    z.array(rate).length(HOURS, { error: `it takes one number, or a list of ${HOURS}, from 0 to 1 o’clock on` }),
  ])
  .transform((written): number[] => (typeof written === 'number' ? new Array<number>(HOURS).fill(written) : written));

const nameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'a name is at most 63 small letters, digits and hyphens');

const even = (most: number) =>
  wholeBetween(16, most, 'pixels').refine((pixels) => pixels % 2 === 0, 'it takes an even number of pixels');

const sceneSchema = z.strictObject({
  camera: z
    .string()
    .min(1)
    .max(1_000)
    .default('synthetic')
    .describe('The footage, encoded once into the loop: synthetic?... or a video file'),
  width: even(3_840).default(1_280),
  height: even(2_160).default(720),
  fps: wholeBetween(1, 60, 'pictures a second').default(15),
  kbitPerS: wholeBetween(32, 20_000, 'kbit/s').default(1_000).describe('The bitrate of the loop'),
  loop: durationBetween(2, 600, '2s to 10m')
    .prefault('24s')
    .describe('The length of the loop; a shorter file plays whole'),
  percent: percent.default(100).describe('Share of the doorbells that film it; 100 over all scenes'),
});

const areaSchema = z.strictObject({
  percent: percent.default(100).describe('Share of the homes that are in it; 100 over all areas'),
  eastM: between(-20_000, 20_000, 'metres').default(0).describe('Its centre, east of the town’s centre'),
  northM: between(-20_000, 20_000, 'metres').default(0).describe('Its centre, north of the town’s centre'),
  radiusM: between(10, 5_000, 'metres').default(400),
});

/** Refuses percentages whose sum is not 100. */
function refuseSum(percentages: readonly number[], context: z.RefinementCtx): void {
  const sum = Math.round(percentages.reduce((all, one) => all + one, 0) * 1_000) / 1_000;
  if (sum !== 100) context.addIssue(`the percentages take 100 in all, not ${sum}`);
}

/** A map of names; its percentages add up to 100. */
const shared = <Value extends z.ZodType<{ percent: number }>>(value: Value, most: number) =>
  z.record(nameSchema, value).superRefine((map, context) => {
    const percentages = Object.values<{ percent: number }>(map).map(({ percent }) => percent);
    if (percentages.length === 0) context.addIssue('it has no name; leave it out, or name one');
    else if (percentages.length > most) context.addIssue(`it takes at most ${most} names`);
    else refuseSum(percentages, context);
  });

const ownersSchema = z
  .strictObject({
    share: percent.default(0).describe('Share within "answerAfter"'),
    decline: percent.default(0).describe('Decline within "answerAfter"'),
    ignore: percent.default(0).describe('See the request, but never answer'),
    slow: percent.default(0).describe('Share, but within "slowAnswerAfter"'),
    revoke: percent.default(0).describe('Share, and revoke that within "revokeAfter" of the receipt'),
    offline: percent.default(0).describe('Are never connected'),
  } satisfies Record<Manner, z.ZodType>)
  .superRefine((owners, context) => refuseSum(Object.values(owners), context));

const discloseSchema = z.strictObject(eachFact(() => percent.default(0)));

const eachWord = z.strictObject({
  $schema: z.string().max(2_048).optional().describe('Address of this schema, for editors'),
  scenes: shared(sceneSchema, SCENES_MAX)
    .prefault({ porch: {} })
    .describe('Scenes by name: one loop each, which its doorbells share'),
  ring: z
    .strictObject({
      kind: z.enum(['memory', 'file']).default('memory'),
      length: durationBetween(4, 24 * 3_600, '4s to 24h')
        .prefault('60s')
        .describe('How far back footage is kept'),
    })
    .prefault({}),
  town: z
    .strictObject({
      longitude: between(-180, 180, 'degrees').default(-89.644),
      latitude: between(-85, 85, 'degrees').default(39.799),
      areas: shared(areaSchema, AREAS_MAX).prefault({ centre: {} }).describe('Areas of homes, by name'),
    })
    .prefault({})
    .describe('A generated town; its streets and houses are drawn'),
  startHour: wholeBetween(0, HOURS - 1, 'o’clock')
    .default(12)
    .describe('The hour of the day at which the fleet starts, whatever the clock says'),
  presses: hourlySchema.prefault(1).describe('Presses of a doorbell in an hour; a number, or 24 of them'),
  motions: hourlySchema
    .prefault(6)
    .describe('Motions that a doorbell notices in an hour, out of those in its loop; a number, or 24 of them'),
  spread: percent
    .default(50)
    .describe('How much homes differ: presses and motions of each are up to this percentage above or below the mean'),
  owners: ownersSchema
    .prefault({ share: 30, decline: 20, ignore: 40, slow: 4, revoke: 3, offline: 3 })
    .describe('Owners’ answers to a request, in percent of the homes; one that is left out is 0'),
  answerAfter: delaysSchema.prefault({ from: '2s', to: '20s' }),
  slowAnswerAfter: delaysSchema.prefault({ from: '20s', to: '45s' }),
  revokeAfter: delaysSchema.prefault({ from: '5s', to: '60s' }),
  disclose: discloseSchema
    .prefault({ address: 50, email: 50 })
    .describe('Share of the sharing owners who disclose each value; one that is left out is 0'),
  ramp: durationBetween(0, 3_600, '0s to 1h').prefault('30s').describe('Time within which doorbells start, one by one'),
  reboots: z
    .strictObject({
      perDay: between(0, 240, 'a day').default(0),
      takes: durationBetween(0, 600, '0s to 10m').prefault('10s'),
    })
    .prefault({})
    .describe('Orderly restarts of a doorbell'),
  churn: z
    .strictObject({
      perDay: between(0, 240, 'a day').default(0),
      away: durationBetween(1, 24 * 3_600, '1s to 24h').prefault('5m'),
    })
    .prefault({})
    .describe('Absences of a doorbell, in which its connections are just reset, and their length'),
  clocks: z
    .strictObject({
      wrongPercent: percent.default(0).describe('Share of the doorbells with a wrong clock'),
      offset: durationBetween(0, 24 * 3_600, '0s to 24h')
        .prefault('30s')
        .describe('Largest error of such a clock'),
      driftPpm: between(0, 1_000, 'ppm').default(0).describe('Largest rate error of such a clock, fast or slow'),
    })
    .prefault({}),
});

/** The schema of a profile. */
export const FleetProfile = eachWord.superRefine(refuseContradictions);

/** A profile with every default in its place: durations in microseconds, rates for each hour. */
export type FleetProfile = z.output<typeof FleetProfile>;
export type FleetTown = FleetProfile['town'];
export type TownArea = FleetTown['areas'][string];

/** The profile of a fleet for which none is named. */
export const DEFAULT_PROFILE: FleetProfile = FleetProfile.parse({});

/** Bytes of a ring for this length at this bitrate. */
export function ringBytes(lengthUs: number, kbitPerS: number): number {
  const bytes = ((lengthUs / SECOND_US) * kbitPerS * 1_000) / 8;
  return Math.max(RING_BYTES_MIN, Math.ceil((bytes * RING_SPARE) / 4_096) * 4_096);
}

/** Refuses values that are valid by themselves but contradict each other. */
function refuseContradictions(profile: z.output<typeof eachWord>, context: z.RefinementCtx): void {
  const refuse = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
  for (const [name, { kbitPerS }] of Object.entries(profile.scenes)) {
    const bytes = ringBytes(profile.ring.length, kbitPerS);
    if (bytes <= RING_BYTES_MAX) continue;
    const [taken, most] = [bytes, RING_BYTES_MAX].map((one) => `${Math.round(one / 1024 / 1024)} MiB`);
    refuse(
      ['ring', 'length'],
      `with the ${kbitPerS} kbit/s of the scene "${name}" a ring takes ${taken}, and may take ${most}`,
    );
  }
  const { owners, answerAfter, slowAnswerAfter, reboots, churn, clocks } = profile;
  if (owners.slow > 0 && slowAnswerAfter.from < answerAfter.to)
    refuse(['slowAnswerAfter', 'from'], 'it takes a duration that is not shorter than "answerAfter" has in "to"');
  const goneUs = reboots.perDay * reboots.takes + churn.perDay * churn.away;
  if (goneUs > (HOURS * HOUR_US) / 2)
    refuse(
      [churn.perDay * churn.away > reboots.perDay * reboots.takes ? 'churn' : 'reboots', 'perDay'],
      `a doorbell would be gone for ${Math.round(goneUs / HOUR_US)} hours of a day, and may be for ${HOURS / 2}`,
    );
  if (clocks.wrongPercent > 0 && clocks.offset === 0 && clocks.driftPpm === 0)
    refuse(['clocks', 'wrongPercent'], 'clocks that are wrong take an "offset" or a "driftPpm" above 0');
}
