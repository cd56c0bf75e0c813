// Types of the two functions of the package dns-packet that we use. `decode` reads bytes from outside: its result must be parsed.

declare module 'dns-packet' {
  /** The fields of a DNS message by name. Throws an error for what is none. */
  export function decode(bytes: Uint8Array): unknown;
  export function encode(message: object): Uint8Array;
}
