// A running fleet's figures for Prometheus, over HTTP. No label tells homes apart.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemCode } from '@doorsill/base/disk';
import { failure } from '../errors.ts';
import type { FleetLine } from './fleet.ts';

type Figure = readonly [
  name: string,
  help: string,
  type: 'counter' | 'gauge',
  read: (line: FleetLine) => number | null,
];

/** Names follow Prometheus' conventions: base units, counters end in `total`. */
export const FLEET_FIGURES: readonly Figure[] = [
  ['doorbells', 'Doorbells of this machine’s part.', 'gauge', ({ doorbells }) => doorbells],
  ['doorbells_up', 'Doorbells that run.', 'gauge', ({ up }) => up],
  ['doorbells_failed', 'Doorbells that cannot run.', 'gauge', ({ failed }) => failed],
  ['start_retries_total', 'Starts that were tried again.', 'counter', ({ retries }) => retries],
  ['reboots_total', 'Reboots.', 'counter', ({ reboots }) => reboots],
  ['absences_total', 'Absences, in which connections are just reset.', 'counter', ({ absences }) => absences],
  ['events_total', 'Events that doorbells have published.', 'counter', ({ events }) => events],
  ['presses_total', 'Presses of a button.', 'counter', ({ presses }) => presses],
  ['motions_total', 'Motions that doorbells have noticed.', 'counter', ({ motions }) => motions],
  ['requests_asked_total', 'Requests that the embedded agency has posted.', 'counter', ({ asked }) => asked],
  ['requests_seen_total', 'Requests that owners have verified.', 'counter', ({ requests }) => requests],
  ['grants_total', 'Grants that doorbells have accepted.', 'counter', ({ grants }) => grants],
  ['denials_total', 'Denials that doorbells have accepted.', 'counter', ({ denials }) => denials],
  ['revocations_total', 'Grants that were revoked.', 'counter', ({ revocations }) => revocations],
  ['clips_under_way', 'Clips between their grant and the bridge.', 'gauge', ({ clipsUnderWay }) => clipsUnderWay],
  ['clips_stored_total', 'Clips that the bridge has.', 'counter', ({ clipsStored }) => clipsStored],
  ['clips_failed_total', 'Clips that could not be made or sent.', 'counter', ({ clipsFailed }) => clipsFailed],
  ['orders_refused_total', 'Owners’ orders that doorbells refused.', 'counter', ({ refusals }) => refusals],
  ['orders_unanswered_total', 'Owners’ orders without an answer.', 'counter', ({ unanswered }) => unanswered],
  ['messages_unverified_total', 'Messages that owners could not verify.', 'counter', ({ unbelieved }) => unbelieved],
  ['segments_due_total', 'Seconds of footage that were due.', 'counter', ({ segmentsDue }) => segmentsDue],
  ['segments_stored_total', 'Seconds of footage sealed in rings.', 'counter', ({ segmentsStored }) => segmentsStored],
  ['segments_lost_total', 'Seconds of footage lost.', 'counter', ({ segmentsLost }) => segmentsLost],
  [
    'lateness_p50_seconds',
    'From filmed to sealed, of the last second.',
    'gauge',
    (line) => seconds(line.latenessP50Ms),
  ],
  [
    'lateness_p99_seconds',
    'From filmed to sealed, of the last second.',
    'gauge',
    (line) => seconds(line.latenessP99Ms),
  ],
  ['processor_cores', 'Processors that the fleet’s processes keep busy.', 'gauge', ({ cores }) => cores],
  ['processes_died_total', 'Processes that ended before the fleet did.', 'counter', ({ died }) => died],
  ['memory_bytes', 'Memory of the fleet’s processes.', 'gauge', ({ memoryBytes }) => memoryBytes],
  [
    'open_descriptors',
    'Files and connections that the fleet’s processes have open.',
    'gauge',
    (line) => line.descriptors,
  ],
  ['timers', 'Timers of the fleet’s processes.', 'gauge', ({ timers }) => timers],
];

function seconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1_000;
}

/** The figures in Prometheus' text format (version 0.0.4); unknown ones are left out. */
export function printFigures(line: FleetLine): string {
  return FLEET_FIGURES.map(([name, help, type, read]) => {
    const value = read(line);
    const full = `doorsill_fleet_${name}`;
    return value === null ? '' : `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${full} ${value}\n`;
  }).join('');
}

/** Serves the latest figures at `/metrics`. */
export class FleetMetrics {
  private readonly server: Server;
  private line: FleetLine | null = null;

  constructor() {
    this.server = createServer((request, response) => {
      const isAsked = request.method === 'GET' && request.url === '/metrics';
      response.statusCode = isAsked ? (this.line === null ? 503 : 200) : 404;
      response.setHeader('Content-Type', 'text/plain; version=0.0.4; charset=utf-8');
      response.end(isAsked && this.line !== null ? printFigures(this.line) : '');
    });
  }

  /** Listens; resolves with the address. Throws `port_in_use`, `internal`. */
  async start({ host, port }: { host: string; port: number }): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', (thrown) => {
        const isTaken = systemCode(thrown) === 'EADDRINUSE';
        reject(
          isTaken ? failure('port_in_use', { host, port }) : failure('internal', { detail: String(thrown) }, thrown),
        );
      });
      this.server.listen(port, host, resolve);
    });
    const { address, port: taken, family } = this.server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}/metrics`;
  }

  set(line: FleetLine): void {
    this.line = line;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => void this.server.close(() => resolve()));
  }
}
