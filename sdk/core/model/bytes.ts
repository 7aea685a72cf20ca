/** Byte strings that are public: compared, and as keys of maps. */

/** Whether two arrays hold the same bytes. For what is public: it does not take the same time for all. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Bytes as a text of as many characters: the same for the same bytes. */
export function bytesKey(bytes: Uint8Array): string {
  let key = "";
  for (let i = 0; i < bytes.length; i++) key += String.fromCharCode(bytes[i]!);
  return key;
}
