// Home Assistant's MQTT discovery as its documentation has it, transcribed; unknown keys are errors here, because Home
// Assistant would ignore what a misspelt one says.
//
// Transcribed on 2026-11-27 from the sources of https://www.home-assistant.io/integrations/ (repository home-assistant.io, folder
// source/_integrations): mqtt.markdown at 0a314403 ("Device discovery payload", "Discovery payload"), event.mqtt.markdown at
// 172bcca0, binary_sensor.mqtt.markdown at fbc3a3b3, sensor.mqtt.markdown at 9e4a69ab, button.mqtt.markdown at d7225566,
// event.markdown at 6a717db7 (device classes). That a doorbell has the event type `ring`: shared/FIELD.md, mandatory from 2027.4.
import { z } from 'zod';

/** A topic without wildcards: a command is published to it, and a state topic here never needs one. */
const topic = z.string().regex(/^[^#+\0]{1,512}$/);
const text = z.string().min(1);
/** Constant text; a template with `{{ }}` or `{% %}` would have to be rendered to be judged. */
const constantTemplate = z.string().regex(/^[^{}]+$/);

const availability = z
  .array(
    z.strictObject({
      topic,
      payload_available: text.optional(),
      payload_not_available: text.optional(),
      value_template: constantTemplate.optional(),
    }),
  )
  .min(1);

/** Keys that every entity may have. `unique_id` is "required when used with device-based discovery". */
const entity = {
  unique_id: text,
  name: text.nullable().optional(),
  icon: z
    .string()
    .regex(/^mdi:[a-z0-9-]+$/)
    .optional(),
  enabled_by_default: z.boolean().optional(),
  availability: availability.optional(),
  availability_mode: z.enum(['all', 'any', 'latest']).optional(),
  qos: z.union([z.literal(0), z.literal(1), z.literal(2)]).optional(),
  encoding: z.string().optional(),
} as const;

const event = z
  .strictObject({
    p: z.literal('event'),
    ...entity,
    device_class: z.enum(['button', 'doorbell', 'motion']).nullable().optional(),
    event_types: z.array(text).min(1),
    state_topic: topic,
  })
  .refine(({ device_class, event_types }) => device_class !== 'doorbell' || event_types.includes('ring'));

const binarySensor = z.strictObject({
  p: z.literal('binary_sensor'),
  ...entity,
  device_class: z.enum(['motion', 'connectivity', 'problem', 'running']).nullable().optional(),
  entity_category: z.literal('diagnostic').optional(),
  payload_on: text.optional(),
  payload_off: text.optional(),
  state_topic: topic,
});

const sensor = z
  .strictObject({
    p: z.literal('sensor'),
    ...entity,
    device_class: z.literal('enum').nullable().optional(),
    entity_category: z.literal('diagnostic').optional(),
    options: z.array(text).min(1).optional(),
    state_class: z.enum(['measurement', 'total', 'total_increasing']).optional(),
    unit_of_measurement: text.nullable().optional(),
    state_topic: topic,
  })
  .refine(
    ({ options, device_class, state_class, unit_of_measurement }) =>
      options === undefined || (device_class === 'enum' && !state_class && !unit_of_measurement),
  );

const button = z.strictObject({
  p: z.literal('button'),
  ...entity,
  device_class: z.enum(['identify', 'restart', 'update']).nullable().optional(),
  entity_category: z.enum(['config', 'diagnostic']).optional(),
  command_topic: topic,
  payload_press: text.optional(),
  retain: z.boolean().optional(),
});

/** A component with its platform alone: "an empty config can be published as an update to remove a single component". */
const removed = z.strictObject({ p: z.enum(['event', 'binary_sensor', 'sensor', 'button']) });

/** What is published, retained, on `<discovery prefix>/device/<object id>/config`. */
export const deviceDiscoverySchema = z
  .strictObject({
    dev: z.strictObject({
      ids: z.union([text, z.array(text).min(1)]),
      name: text.optional(),
      mf: text.optional(),
      mdl: text.optional(),
      sw: text.optional(),
      sn: text.optional(),
      hw: text.optional(),
    }),
    o: z.strictObject({ name: text, sw: text.optional(), url: z.url().optional() }),
    cmps: z.record(z.string().regex(/^[A-Za-z0-9_-]+$/), z.union([removed, event, binarySensor, sensor, button])),
    availability: availability.optional(),
    availability_mode: z.enum(['all', 'any', 'latest']).optional(),
  })
  .refine(({ cmps }) => {
    const ids = Object.values(cmps).flatMap((component) => ('unique_id' in component ? [component.unique_id] : []));
    return new Set(ids).size === ids.length;
  });

/** "The JSON payload should contain the `event_type` element", one of the configured ones; the rest becomes attributes. */
export const eventPayloadSchema = z.looseObject({ event_type: z.string() });

export type DeviceDiscovery = z.infer<typeof deviceDiscoverySchema>;

/** Whether Home Assistant would take `payload` on a component's state topic. */
export function takesState(component: DeviceDiscovery['cmps'][string], payload: string): boolean {
  if (!('state_topic' in component)) return false;
  switch (component.p) {
    case 'event': {
      const said = eventPayloadSchema.safeParse(JSON.parse(payload));
      return said.success && component.event_types.includes(said.data.event_type);
    }
    case 'binary_sensor':
      return [component.payload_on ?? 'ON', component.payload_off ?? 'OFF'].includes(payload);
    case 'sensor':
      return component.options ? component.options.includes(payload) : Number.isFinite(Number(payload || 'x'));
  }
}
