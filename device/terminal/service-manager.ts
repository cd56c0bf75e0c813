// Reports to systemd: ready, alive, stopping. Silent without NOTIFY_SOCKET.
import { spawn } from 'node:child_process';
import type { Clock, Timer } from '@doorsill/base/clock';
import type { Log } from '@doorsill/base/log';

/** Node has no Unix datagram sockets, so systemd's program sends the messages (sd_notify(3)). */
const NOTIFY = 'systemd-notify';

export interface ServiceManagerDeps {
  clock: Clock;
  log: Log;
  environment: NodeJS.ProcessEnv;
  /** Resolves with the process's fault, or null; a promise that never resolves counts as a fault. */
  fault(): Promise<string | null>;
}

export class ServiceManager {
  private readonly deps: ServiceManagerDeps;
  private timer: Timer | null = null;
  private stopped = false;

  constructor(deps: ServiceManagerDeps) {
    this.deps = deps;
  }

  /** Reports that the service is ready, and from then on sends watchdog messages at the rate that systemd asks for. */
  ready(): void {
    this.say('READY=1');
    const { environment } = this.deps;
    const isForUs = environment['WATCHDOG_PID'] === undefined || environment['WATCHDOG_PID'] === String(process.pid);
    const intervalMs = Number(environment['WATCHDOG_USEC'] ?? 0) / 1_000;
    if (isForUs && intervalMs > 0) this.live(intervalMs / 3);
  }

  /** Reports that the service stops; nothing is sent after it. */
  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
    this.say('STOPPING=1');
  }

  private live(everyMs: number): void {
    this.timer = this.deps.clock.after(everyMs, () => {
      if (this.stopped) return;
      void this.deps.fault().then((fault) => {
        if (this.stopped) return;
        if (fault === null) this.say('WATCHDOG=1');
        else
          this.deps.log.error(
            'a fault keeps the doorbell from reporting that it is well; systemd ends it if that lasts',
            { fault },
          );
        this.live(everyMs);
      });
    });
  }

  private say(words: string): void {
    const { NOTIFY_SOCKET: socket, PATH } = this.deps.environment;
    if (!socket) return;
    const child = spawn(NOTIFY, [words], {
      env: { NOTIFY_SOCKET: socket, PATH },
      stdio: 'ignore',
    });
    child.on('error', (thrown) =>
      this.deps.log.warn(
        'systemd-notify could not be run (is it installed?): systemd does not learn whether the doorbell runs',
        { detail: thrown.message },
      ),
    );
  }
}
