// Owns: the types of the two functions that we use of the package dns-packet. What `decode` answers came from outside: it is parsed.

declare module 'dns-packet' {
  /** The fields of a DNS message by name. Throws an error for what is none. */
  export function decode(bytes: Uint8Array): unknown;
  export function encode(message: object): Uint8Array;
}
