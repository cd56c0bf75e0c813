// Owns: the session of a device that has no broker: it is never online, and takes everything, for nobody. Not here: the owners who hear by
// another way (home-link.ts, `onTell`).
import type { LinkState, MqttLink } from '../base/mqtt-link.ts';

/** What a home link needs of a session. */
export type BrokerSession = Pick<MqttLink, 'state' | 'dropped' | 'onState' | 'start' | 'stop' | 'publish'> & {
  subscribe(...terms: Parameters<MqttLink['subscribe']>): void;
};

export class NoBroker implements BrokerSession {
  readonly state: LinkState = { online: false, error: null };
  readonly dropped = 0;

  onState(): () => void {
    return () => undefined;
  }

  start(): void {}

  async stop(): Promise<void> {}

  async publish(): Promise<void> {}

  subscribe(): void {}
}
