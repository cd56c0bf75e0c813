// What the set-up page of a doorbell exchanges with it, before there are settings. Each call needs the token of the set-up code.
import { z } from 'zod';
import { secretSchema } from './console-messages.ts';
import { brokerUserSchema, idSchema, publicKeySchema } from './ids.ts';
import { retentionSSchema } from './owner-settings.ts';

const MIB = 1024 * 1024;
const camera = z.string().min(1).max(1_000);
const listen = z.enum(['this-machine', 'home-network']);
const sizeSchema = z.string().regex(/^\d{2,4}x\d{2,4}$/);
const microphoneSchema = z.string().max(80);

/** A camera as it is to be tried or used: its name, with a size and a microphone of those that were found. */
const view = { camera, size: sizeSchema.nullable(), microphone: microphoneSchema.nullable() };

/** The messages of the set-up page. */
export const setupMessages = {
  /** The future doorbell, and what its page offers. */
  facts: z.strictObject({
    device: idSchema,
    deviceKey: publicKeySchema,
    /** For the proof of the owner's key; valid for one set-up. */
    challenge: secretSchema,
    /** Where this page is served: a browser stays an owner's only if the doorbell's page is served there, too. */
    listen,
    /** Free space on the disk of the doorbell's folder. */
    freeBytes: z.int().nonnegative(),
  }),
  /** What is connected now. */
  cameras: z.strictObject({
    cameras: z.array(
      z.strictObject({ source: camera, label: z.string().max(80), sizes: z.array(sizeSchema).max(256) }),
    ),
    microphones: z.array(z.strictObject({ device: microphoneSchema, label: z.string().max(140) })),
  }),
  /** Asks for a picture. */
  attempt: z.strictObject(view),
  /** The picture, and what footage of the camera takes. */
  tried: z.strictObject({
    /** Base64url. */
    jpeg: z.string().max(4_000_000),
    width: z.int().positive(),
    height: z.int().positive(),
    bitsPerSecond: z.int().positive(),
    hasSound: z.boolean(),
    trouble: z.string().max(600).nullable(),
  }),
  /** What the doorbell shall be. */
  choice: z.strictObject({
    name: z.string().trim().min(1).max(60),
    ...view,
    footage: z.strictObject({
      kind: z.enum(['file', 'memory']),
      bytes: z.int().min(8 * MIB),
      retentionS: retentionSSchema,
    }),
    listen,
    announce: z.boolean(),
    /** An MQTT broker, for Home Assistant and commands of other machines. */
    broker: z
      .strictObject({
        url: z.string().max(220),
        user: brokerUserSchema,
        password: z.string().min(1).max(128),
        homeAssistant: z.boolean(),
      })
      .nullable(),
    /** The key of this browser's owner, with its proof over `pairingProofInput`. */
    owner: z
      .strictObject({
        key: publicKeySchema,
        name: z.string().min(1).max(60),
        challenge: secretSchema,
        proof: z.string().regex(/^[A-Za-z0-9_-]{86}$/),
      })
      .nullable(),
  }),
  /** The settings are written. */
  done: z.strictObject({ device: idSchema, paired: z.boolean() }),
} as const;
