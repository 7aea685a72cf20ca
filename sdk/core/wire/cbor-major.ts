/** Major types of CBOR (RFC 8949, section 3.1). */
export const Major = Object.freeze({ uint: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5, tag: 6, simple: 7 } as const);

export const twoTo32 = 0x1_0000_0000;
