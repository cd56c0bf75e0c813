import { idSchema } from '@doorsill/contract/ids';
import { z } from 'zod';
import type { Admission, Router } from '../http/router.ts';
import { actorOf, officerHeadersSchema } from './actor-of-request.ts';
import type { Clients } from './clients.ts';
import { categoryBodySchema, type Policies, policyBodySchema, policyViewSchema } from './policies.ts';

const BASE = '/v1/agencies/:agency';
const agencySchema = z.strictObject({ agency: idSchema });
const categorySchema = agencySchema.extend({ category: idSchema });

export function policyRoutes(api: Router, { clients, policies }: { clients: Clients; policies: Policies }): void {
  const admit = ({ request, params }: Admission<z.ZodType<{ agency: string }>>) =>
    actorOf(request, clients, params.agency);
  const officer = { roles: ['client'], headers: officerHeadersSchema, admit, answer: policyViewSchema } as const;
  const whole = { ...officer, path: `${BASE}/policy`, params: agencySchema } as const;
  api.route({ method: 'GET', ...whole, about: 'The department’s policy.' }, ({ admitted }) => policies.show(admitted));
  api.route(
    {
      method: 'PUT',
      ...whole,
      body: policyBodySchema,
      about: 'Sets the answer to recalls, or the period of declined items.',
    },
    ({ admitted, body }) => policies.set(admitted, body),
  );
  const category = { ...officer, path: `${BASE}/categories/:category`, params: categorySchema } as const;
  api.route(
    { method: 'PUT', ...category, body: categoryBodySchema, about: 'Sets the period of a category.' },
    ({ admitted, params, body }) => policies.setCategory(admitted, params.category, body.days),
  );
  api.route({ method: 'DELETE', ...category, about: 'Removes a category.' }, ({ admitted, params }) =>
    policies.removeCategory(admitted, params.category),
  );
}
