import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EbalanceError } from "../model/errors";
import { parseKeyFile } from "./key-file";
import { NobleCrypto } from "./noble-crypto";
import { Secret } from "./secret";

const key = "00112233445566778899aabbccddeeff".repeat(2);
const good = {
  type: "ebalance-session-key",
  version: 1,
  kid: 7,
  domain: "grid",
  initiator: "meter",
  responder: "home",
  owner: "customer",
  names: ["meter", "home", "customer", "sensor"],
  sources: [{ device: "meter", service: "sensor", stakeholder: "customer" }],
  policy: { sequence: 1, entries: [] },
  key,
};

function tagUnder(secret: Secret): Uint8Array {
  const crypto = new NobleCrypto(() => {});
  const tag = new Uint8Array(32);
  crypto.mac(secret.importInto(crypto, "mac"), new Uint8Array(1), 1, tag);
  return tag;
}

function refused(text: string): EbalanceError {
  try {
    parseKeyFile(text, "meter.json");
  } catch (error) {
    if (error instanceof EbalanceError) return error;
    throw error;
  }
  throw new Error(`accepted: ${text}`);
}

describe("SP-5 the key file", () => {
  test("is read whole", () => {
    const { session, key: secret, policy } = parseKeyFile(JSON.stringify(good), "meter.json");
    const { kid, domain, initiator, responder, owner, names, sources } = good;
    expect(session).toEqual({ kid, domain, initiator, responder, owner, names, sources });
    expect(tagUnder(secret)).toEqual(tagUnder(new Secret(Uint8Array.from(Buffer.from(key, "hex")))));
    expect(policy).toEqual(good.policy);
  });

  test("may be without a policy, and may have the key in capitals", () => {
    const file = { ...good, policy: undefined, key: key.toUpperCase() };
    const parsed = parseKeyFile(JSON.stringify(file), "meter.json");
    expect("policy" in parsed).toBe(false);
    expect(tagUnder(parsed.key)).toEqual(tagUnder(parseKeyFile(JSON.stringify(good), "x").key));
  });

  test.each(["mac", "encrypt"])("may say how messages are protected: %s", (protection) => {
    expect(parseKeyFile(JSON.stringify({ ...good, protection }), "meter.json").session.protection).toBe(protection);
  });

  test.each(["none", "", null, 1])("is refused where it says otherwise: %j", (protection) => {
    expect(refused(JSON.stringify({ ...good, protection }))).toMatchObject({ code: "bad-configuration", message: "key file meter.json: session 7: protection is not mac or encrypt" });
  });

  const source = good.sources[0]!;
  test.each<[string, object]>([
    ["type", { type: "ebalance" }],
    ["version", { version: 2 }],
    ["version", { version: "1" }],
    ["kid", { kid: "7" }],
    ["kid", { kid: 0 }],
    ["kid", { kid: 65536 }],
    ["kid", { kid: 1.5 }],
    ["domain", { domain: "" }],
    ["domain", { domain: "d".repeat(65) }],
    ["domain", { domain: 5 }],
    ["initiator", { initiator: null }],
    ["responder", { responder: ["home"] }],
    ["owner", { owner: {} }],
    ["names", { names: "meter" }],
    ["names", { names: ["meter", 5] }],
    ["names", { names: [""] }],
    ["sources", { sources: {} }],
    ["sources", { sources: ["meter"] }],
    ["sources", { sources: [null] }],
    ["device", { sources: [{ ...source, device: "" }] }],
    ["service", { sources: [{ ...source, service: 5 }] }],
    ["stakeholder", { sources: [{ ...source, stakeholder: undefined }] }],
    ["policy", { policy: null }],
    ["policy", { policy: "none" }],
    ["policy", { policy: { sequence: 1 } }],
    ["key", { key: key.slice(2) }],
    ["key", { key: `${key}00` }],
    ["key", { key: `${key.slice(0, 62)}0g` }],
    ["key", { key: `${key.slice(0, 62)} 1` }],
    ["key", { key: 5 }],
  ])("names the file and the field %s where it is wrong: %j", (field, change) => {
    const error = refused(JSON.stringify({ ...good, ...change }));
    expect([error.code, error.fault]).toEqual(["bad-configuration", "caller"]);
    expect(error.message).toMatch(new RegExp(`^key file meter\\.json: ${field}\\b`));
  });

  test.each(Object.keys(good).filter((field) => field !== "policy"))("names the field %s where it is missing", (field) => {
    expect(refused(JSON.stringify({ ...good, [field]: undefined })).message).toContain(`meter.json: ${field} `);
  });

  test.each(["", "null", "5", "[]", '"text"', "{"])("that is %j is refused", (text) => {
    expect(refused(text)).toMatchObject({ code: "bad-configuration", message: expect.stringContaining("meter.json") as string });
  });

  test("cut, changed or garbled, no message ever shows a piece of the key", () => {
    const text = JSON.stringify(good);
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.string({ unit: "grapheme-ascii", maxLength: 4 }), fc.boolean(), (place, piece, cut) => {
        const broken = text.slice(0, place) + piece + (cut ? "" : text.slice(place + 1));
        let message = "";
        try {
          parseKeyFile(broken, "meter.json");
        } catch (error) {
          expect(error).toMatchObject({ code: "bad-configuration" });
          message = (error as Error).message;
        }
        for (let i = 0; i + 6 <= 32; i++) expect(message).not.toContain(key.slice(i, i + 6));
      }),
      { numRuns: 500 },
    );
  });
});
