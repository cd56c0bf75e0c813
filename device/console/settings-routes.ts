import { ownerListSchema } from '@doorsill/contract/console-messages';
import { parseToken } from '@doorsill/contract/jws';
import { Pairing } from '@doorsill/contract/owner-orders';
import { SettingsAnswer, type SettingsInForce } from '@doorsill/contract/owner-settings';
import type { Owner } from '../consent/gate-state.ts';
import type { LocalRouter } from './local-router.ts';

export interface SettingsRoutesDeps {
  owners(): Owner[];
  settings(): SettingsInForce;
  /** The device's data folder. */
  folder: string;
  /** How the command line is called at the device's own machine. */
  program: string;
}

export function settingsRoutes(router: LocalRouter, deps: SettingsRoutesDeps): void {
  router.route(
    {
      method: 'GET',
      path: '/api/v1/owners',
      roles: ['owner'],
      answer: ownerListSchema,
      about: 'The owners, by key and name. They are paired at the device, and removed by signed orders.',
    },
    () => ({ owners: deps.owners().map(({ key, name, statement }) => ({ key, name, sinceS: signedS(statement) })) }),
  );

  router.route(
    {
      method: 'GET',
      path: '/api/v1/settings',
      roles: ['owner'],
      answer: SettingsAnswer,
      about:
        'The settings that owners may change, as they are in force: those named in `byOwners` by an owner’s order, the others by device.json. They are changed by the signed order `change-settings`.',
    },
    () => ({ ...deps.settings(), dataFolder: deps.folder, program: deps.program }),
  );
}

/** When the device signed that the key is an owner's. */
function signedS(statement: string): number {
  return Pairing.parse(parseToken(statement)?.claims).iat;
}
