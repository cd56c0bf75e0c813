// The verb `agency request`.

import type { Place } from '@doorsill/contract/area-cells';
import { idSchema } from '@doorsill/contract/ids';
import { DISCLOSURE_PROFILES, DisclosureProfile } from '@doorsill/contract/shared-claims';
import { type Context, openContext } from '@doorsill/device/cli/context';
import { parseMoment } from '@doorsill/device/terminal/format-units';
import { showWindow } from '@doorsill/device/terminal/owner-requests';
import type { Command } from 'commander';
import { failure } from '../errors.ts';
import { callAboutRequest, postRequest, signFootageRequest } from '../officer/agency-client.ts';
import { demoAsk } from '../story/demo-request.ts';
import { DEMO_HOME } from '../testbed/testbed.ts';
import { type AgencyOptions, openAgency, openTestbed, withAgencyOptions } from './running-testbed.ts';

const ACTIONS = ['see', 'withdraw', 'resolve'] as const;

interface RequestOptions extends AgencyOptions {
  from?: string;
  to?: string;
  at?: string;
  profile: string;
  text?: string;
  type?: string;
  investigation?: string;
  contact?: string;
  email?: string;
  category?: string;
}

export function addRequest(agency: Command): void {
  withAgencyOptions(agency.command('request [action] [id]'))
    .description('ask residents for footage; with `see`, `withdraw` or `resolve` and an id, act on such a request')
    .option('--from <time>', 'start of the window (default: 15 minutes ago)')
    .option('--to <time>', 'end of the window (default: now)')
    .option('--at <latitude,longitude>', 'centre of the area (default: the demo home)')
    .option(
      '--profile <name>',
      `facts about the home to ask for: ${Object.keys(DISCLOSURE_PROFILES).join(', ')}`,
      'address-and-email',
    )
    .option('--text <text>', 'what happened (default: that of the demo)')
    .option('--type <type>', 'incident type')
    .option('--investigation <code>', 'investigation code; at most two requests have the same')
    .option('--contact <name>', 'the person whom residents can ask (default: the demo agency’s detective)')
    .option('--email <address>', 'the contact’s email, at the agency’s own domain')
    .option('--category <category>', 'retention category of the evidence, one that the agency is registered for')
    .addHelpText(
      'after',
      `
Examples:
  $ doorsill agency request
  $ doorsill agency request --from 10:00:00 --to 10:30:00 --text "A bicycle was stolen." --type "bicycle theft"
  $ doorsill agency request see request-9b1f...
  $ doorsill agency request resolve request-9b1f...`,
    )
    .action(async (action: string | undefined, id: string | undefined, options: RequestOptions, command: Command) => {
      const context = openContext(command);
      if (action !== undefined) return callAbout(context, action, id, options);
      await askResidents(context, options);
    });
}

/** Signs a request and hands it to the testbed's bridge. */
async function askResidents(context: Context, options: RequestOptions): Promise<void> {
  const testbed = await openTestbed(context.disk, options);
  const nowUs = context.clock.wallUs();
  const endUs = options.to ? parseMoment(options.to, nowUs) : nowUs;
  const startUs = options.from ? parseMoment(options.from, nowUs) : endUs - 15 * 60 * 1_000_000;
  if (startUs >= endUs) throw failure('usage', { detail: '--to must be later than --from' });
  const profile = DisclosureProfile.safeParse(options.profile);
  if (!profile.success)
    throw failure('usage', { detail: `--profile takes ${Object.keys(DISCLOSURE_PROFILES).join(', ')}` });
  const place = options.at ? parsePlace(options.at) : DEMO_HOME.place;
  const asked = demoAsk(context.clock, place, { startUs, endUs }, profile.data);
  const { contact = asked.contact.name, email = asked.contact.email } = options;
  const ask = {
    ...asked,
    contact: { name: contact, ...(email === undefined ? {} : { email }) },
    ...(options.category ? { retention: options.category } : {}),
    ...(options.text ? { text: options.text } : {}),
    ...(options.type ? { incidentType: options.type } : {}),
    ...(options.investigation ? { investigation: options.investigation } : {}),
  };
  const isFitted = ask.window.startUs !== startUs || ask.window.endUs !== endUs;
  if (isFitted && (options.from || options.to))
    context.output.progress('A request covers 15 minutes to 12 hours of the past; the window was changed to fit.');
  const { key } = await openAgency(context, options, testbed);
  const { id: request, token } = signFootageRequest(context, key, testbed.bridge.id, ask);
  const { state, findings } = await postRequest(testbed.bridge.url, token);
  const found = findings.map(({ words, why }) => `  ${why} ("${words}")`);
  context.output.result(
    { request, window: ask.window, folder: testbed.folder, state, findings },
    state === 'published'
      ? `Published ${request}: ${showWindow(ask.window)}. Nobody learns who does not answer.`
      : [`${request} waits for a moderator (\`doorsill bridge moderate\`):`, ...found].join('\n'),
  );
}

/** Sends the bridge one action of the agency on its own request. */
async function callAbout(
  context: Context,
  action: string,
  id: string | undefined,
  options: RequestOptions,
): Promise<void> {
  const verb = ACTIONS.find((each) => each === action);
  if (!verb || !idSchema.safeParse(id).success || id === undefined)
    throw failure('usage', {
      detail: `agency request takes ${ACTIONS.join(', ')} and the id of a request, or nothing`,
    });
  const testbed = await openTestbed(context.disk, options);
  const { key } = await openAgency(context, options, testbed);
  const view = await callAboutRequest(context, key, testbed.bridge, id, verb);
  const why = view.reason === undefined ? '' : `: ${view.reason}`;
  context.output.result(view, `${view.request} is ${view.state.replaceAll('_', ' ')}${why}.`);
}

function parsePlace(text: string): Place {
  const [latitude, longitude, ...rest] = text.split(',').map(Number);
  const inRange = (value: number | undefined, limit: number) => value !== undefined && Math.abs(value) <= limit;
  if (
    rest.length > 0 ||
    latitude === undefined ||
    longitude === undefined ||
    !inRange(latitude, 85) ||
    !inRange(longitude, 180)
  ) {
    throw failure('usage', { detail: '--at takes latitude,longitude such as 39.799,-89.644' });
  }
  return { latitude, longitude };
}
