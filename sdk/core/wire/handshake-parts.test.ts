import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Grid, nodeCrypto } from "../../../tests/scenarios/certified-grid";
import { CertifiedInitiator } from "../security/certified-initiator";
import { CertifiedResponder } from "../security/certified-responder";
import { maxHandshakeBytes } from "./handshake-message";
import { inParts, PartReader } from "./handshake-parts";
import { maxMessageBytes } from "./session-message";

const message = (length: number) => Uint8Array.from({ length }, (_, i) => (i === 0 ? 0x84 : i === 1 ? 3 : i & 0xff));

describe("SP-1 messages of a handshake in parts", () => {
  test("come out whole, whatever their length, and each part fits a link", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: maxHandshakeBytes }), (length) => {
        const parts = inParts(message(length));
        const reader = new PartReader();
        const read = parts.map((part) => reader.push(part));
        expect(parts.every((part) => part.length <= maxMessageBytes)).toBe(true);
        expect([read.slice(0, -1).every((one) => one === undefined), Buffer.compare(read.at(-1)!, message(length))]).toEqual([true, 0]);
      }),
    );
  });

  test("that are missing, in another order, of another length or of two messages are refused, and the next message is read", () => {
    const [a, b] = [inParts(message(2500)), inParts(message(3500))];
    const wrong: Uint8Array[][] = [[a[1]!], [a[0]!, a[2]!], [a[0]!, a[0]!, a[2]!], [a[0]!, b[1]!], [a[0]!.slice(0, 500)], [Uint8Array.of(0x84, 0, 0, 1, 0x41, 1)], [Uint8Array.of(0x84, 0, 0, 2, 0x41, 1)], [Uint8Array.of(0x83, 0, 0, 2)], [a[0]!, a[1]!, Uint8Array.of(0x84, 0, 2, 3, 0x40)]];
    for (const sent of wrong) {
      const reader = new PartReader();
      expect(() => sent.forEach((part) => reader.push(part))).toThrow(expect.objectContaining({ code: "malformed" }));
      expect(b.map((part) => reader.push(part)).at(-1)).toEqual(message(3500));
    }
  });

  test("a message that is too long is not sent, and the remedy is named", () => {
    expect(() => inParts(message(maxHandshakeBytes + 1))).toThrow(/at most 40000: fewer delegations, or have the other end know the credentials beforehand/);
  });

  test("bring a gateway with 1000 units below it up to its parent", () => {
    const grid = new Grid();
    const below = Array.from({ length: 1000 }, (_, i) => `street-1-meter-${i}`);
    const [home, above] = [grid.party(nodeCrypto(), grid.unit("home", { parents: ["lv"], below })), grid.party(nodeCrypto(), grid.unit("lv"))];
    const [initiator, responder] = [new CertifiedInitiator(home, "lv", () => true), new CertifiedResponder(above, () => true)];
    const over = (whole: Uint8Array) => {
      const reader = new PartReader();
      return inParts(whole).map((part) => reader.push(part)).at(-1)!;
    };
    const answer = responder.receive(over(initiator.start())).send!;
    const { send, done } = responder.receive(over(initiator.receive(over(answer)).send!));
    expect([done!.config.below!.length, initiator.receive(over(send!)).done!.config]).toEqual([1000, done!.config]);
  });
});
