// SPDX-License-Identifier: Apache-2.0
// The JavaScript face of seal.c: the seal port over native functions.
import { answerTemplate, isBrief, type SealPort } from "../../../sdk/core/wire/reading-message";
import type { SessionBody } from "../../../sdk/core/wire/session-body";

/** The functions of seal.c as a script sees them. All arguments are checked natively. */
export interface NativeSeal {
  sealReading(
    keyId: number, prefix: Uint8Array, head: Uint8Array, templateHead: Uint8Array, templateTail: Uint8Array,
    sequence: number, timeS: number, variable: number, value: number, offsetMs: number,
  ): ArrayBuffer;
  /** The payload is message[start..end), the tag the 8 bytes at the end of the message. */
  verify(keyId: number, prefix: Uint8Array, message: Uint8Array, start: number, end: number): boolean;
  /** Kid, start and end of the payload in 16, 5 and 11 bits; 0 where the message is no envelope. */
  parse(message: Uint8Array): number;
  /** The body that the payload is; undefined where it is another than a device is sent all day. Values are as on the wire, whatever the type of their variable. */
  read(message: Uint8Array, start: number, end: number, nameIds: readonly number[]): SessionBody | undefined;
}

/** Makes the seal port from native functions, over keys of the native crypto port. */
export function createNativeSeal({ sealReading, verify, parse, read }: NativeSeal): SealPort {
  return {
    readingSealer: ({ key: { keyId }, prefix, head }, { head: templateHead, tail: templateTail }) => (sequence, timeS, variable, value, offsetMs) =>
      new Uint8Array(sealReading(keyId, prefix, head, templateHead, templateTail, sequence, timeS, variable, value, offsetMs)),
    seal: ({ key: { keyId }, prefix, head }, body, names) => {
      if (!isBrief(body, names.registry)) return undefined;
      const template = answerTemplate(names, body);
      const { sequence, timeMs, items } = body;
      const item = items[0];
      return new Uint8Array(sealReading(keyId, prefix, head, template.head, template.tail, sequence, timeMs / 1000, item.variable, item.value, Math.round(item.timeMs - timeMs)));
    },
    verify: (context, envelope) => verify(context.key.keyId, context.prefix, envelope.message, envelope.start, envelope.end),
    parse: (message) => {
      const packed = parse(message);
      return packed === 0 ? undefined : { kid: packed >>> 16, message, start: (packed >>> 11) & 31, end: packed & 2047 };
    },
    read: ({ message, start, end }, { nameIds, registry }) => {
      const body = read(message, start, end, nameIds);
      // A float that is written as an integer is refused with a reason by the other reader.
      return body?.op === 1 && body.items.some(({ variable }) => registry.byId(variable)?.type === "float") ? undefined : body;
    },
  };
}
