// The transparency page of one agency or of the whole bridge, with the usual fields of such portals. Pure. No figure on it says anything
// about homes that were asked.
import { z } from 'zod';
import type { RequestRules } from '../requests/requests-settings.ts';
import { type Markup, markup, page } from './markup.ts';
import type { AgencyProfile, Outcomes } from './neighbors-store.ts';

const lines = z.array(z.string());

export const Transparency = z.strictObject({
  what: z.strictObject({ asked: lines, notCollected: lines }),
  uses: z.strictObject({ acceptable: lines, prohibited: lines }),
  access: lines,
  retention: lines,
  figures: z.array(z.strictObject({ label: z.string(), value: z.string() })),
  partners: z.array(z.strictObject({ partner: z.string(), name: z.string(), status: z.string(), since: z.string() })),
});
export type Transparency = z.infer<typeof Transparency>;

const NOT_COLLECTED = [
  'Footage that its owner has not granted, clip by clip.',
  'Who was asked, had footage, declined, or did not answer: the bridge does not know.',
  'Where cameras are: devices decide for themselves whether a request concerns them.',
  'Licence plates, vehicles, faces: nothing is recognised here.',
];
const ACCEPTABLE = [
  'An agency’s own investigation of an incident, named by its code, in a limited area and span of time.',
  'Missing persons.',
];
const PROHIBITED = [
  'Lawful activity such as protests, strikes or worship.',
  'Enforcement of immigration law; any use by or for a federal agency or a local branch of one.',
  'Announcements; harassment; pressure on residents.',
  'Hate and profiling; descriptions by race alone; victims’ personal data.',
];

/** The number of devices, rounded so that one more or less does not show. */
export function coarse(count: number): string {
  return count < 10 ? 'fewer than 10' : `${Math.floor(count / 10) * 10} or more`;
}

/** The published facts about the bridge, or about one agency on it. */
export function transparencyOf(facts: {
  rules: RequestRules;
  profile: AgencyProfile | null;
  ever: Outcomes;
  lastMonth: Outcomes;
  devices: number;
  partners: Transparency['partners'];
}): Transparency {
  const { rules, profile, ever, lastMonth, devices, partners } = facts;
  const asked = profile
    ? profile.profiles.map((name) => `With a clip: ${name.replaceAll('-', ' ')}.`)
    : ['Clips of an exact span, and the facts about a home that its owner sees listed and agrees to.'];
  const days = Math.round(rules.lifeSMax / 86_400);
  return {
    what: { asked, notCollected: NOT_COLLECTED },
    uses: { acceptable: ACCEPTABLE, prohibited: PROHIBITED },
    access: [
      'Verified agencies of cities and counties only; each is admitted by a person and can be suspended or revoked.',
      rules.moderation === 'nothing'
        ? 'Requests are published without a person having looked at them.'
        : rules.moderation === 'findings'
          ? 'A person looks at every request whose words may be about something prohibited before it is published.'
          : 'A person looks at every request before it is published.',
      'A clip can be read by the agency that asked and by no other; every reading is recorded with its reason.',
    ],
    retention: [
      `Requests are open for at most ${days} days and stay on the public feed for good.`,
      profile && profile.retention.length > 0
        ? `Clips are filed by department policy as: ${profile.retention.join(', ')}.`
        : 'Clips are kept by the policy of the department that asked.',
    ],
    figures: [
      { label: 'Requests published in the last 30 days', value: String(lastMonth.published) },
      { label: 'of these marked as resolved', value: String(lastMonth.resolved) },
      { label: 'Requests published', value: String(ever.published) },
      { label: 'marked as resolved', value: String(ever.resolved) },
      { label: 'Cameras', value: profile ? 'not known to the agency' : coarse(devices) },
      { label: 'Vehicles detected in the last 30 days', value: 'none: not collected' },
    ],
    partners,
  };
}

/** The page. `home` is the address of its link back. */
export function transparencyPage(name: string, facts: Transparency, home: string): string {
  const list = (lines: readonly string[]): Markup => markup`<ul>${lines.map((line) => markup`<li>${line}</li>`)}</ul>`;
  const body = markup`<h1>Transparency: ${name}</h1>
<h2>What is asked for</h2>${list(facts.what.asked)}<h2>What is not collected</h2>${list(facts.what.notCollected)}
<h2>Acceptable uses</h2>${list(facts.uses.acceptable)}<h2>Prohibited uses</h2>${list(facts.uses.prohibited)}
<h2>Access</h2>${list(facts.access)}<h2>Retention</h2>${list(facts.retention)}
<h2>Figures</h2><dl>${facts.figures.map(({ label, value }) => markup`<dt>${label}</dt><dd>${value}</dd>`)}</dl>
<h2>Partners</h2>${list(facts.partners.map(({ name: partner, status, since }) => `${partner}: ${status} since ${since}`))}
<p><a href="${home}">All posts</a></p>`;
  return page(`Transparency: ${name}`, body);
}
