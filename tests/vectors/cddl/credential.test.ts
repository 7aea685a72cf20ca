/** The CDDL of credentials against the code that reads and makes them. */
import { NodeCrypto } from "@ebalance/gateway";
import { describe, expect, test } from "vitest";
import { maxEpoch, type Claims } from "../../../sdk/core/security/claims";
import { credentialIdBytes, makeCredential, parseCredential } from "../../../sdk/core/security/credential";
import { readCddl } from "./grammar";
import { cddlSource, holdRule, ruleLine } from "./hold";
import { fits } from "./judge";

const source = cddlSource("credential.cddl");
const grammar = readCddl(source);
const crypto = new NodeCrypto();

const agreementKey = crypto.publicKey(crypto.generateKey("ecdh-p256"));
const claimsOf = (use: "es256" | "ed25519"): readonly Claims[] => {
  const key = { use, bytes: crypto.publicKey(crypto.generateKey(use)) };
  const head = { domain: "vectors.example", key, epoch: 3, issuedS: 1_789_992_734, expiresS: Infinity };
  return [
    { ...head, type: "unit", subject: "home", role: "gateway", owner: "customer", parents: ["lv-unit"], below: ["meter", "inverter"], agreementKey },
    { ...head, type: "unit", subject: "meter", role: "device", owner: "customer", parents: ["home"], below: [], agreementKey, expiresS: 1_800_000_000 },
    { ...head, type: "stakeholder", subject: "customer" },
    { ...head, type: "service", subject: "billing" },
    { ...head, type: "delegation", subject: "home", service: "metering", rights: 3 },
    { ...head, type: "delegation", subject: "home", service: "display", rights: 1, devices: ["meter", "inverter"], variables: [7, 1] },
  ];
};

const samples = (["es256", "ed25519"] as const).flatMap((use) => {
  const key = crypto.generateKey(use);
  const head = { domain: "vectors.example", key: { use, bytes: crypto.publicKey(key) }, epoch: 0, issuedS: 1_700_000_000, expiresS: Infinity };
  const root = makeCredential(crypto, key, { use, name: "operator" }, { ...head, type: "root", subject: "operator" });
  const { id } = parseCredential(root, crypto);
  return [root, ...claimsOf(use).map((claims) => makeCredential(crypto, key, { use, id, name: "operator" }, claims))];
});

describe("credential.cddl and the code", () => {
  test("a credential of each type fits", () => {
    expect(samples.map((bytes) => fits(grammar, "credential", bytes))).toEqual(samples.map(() => true));
    expect(samples.map((bytes) => fits(grammar, parseCredential(bytes, crypto).type, bytes))).toEqual(samples.map(() => true));
  });

  holdRule({
    grammar,
    rule: "credential",
    read: (bytes) => parseCredential(bytes, crypto),
    beyondCddl: /a root is its own issuer|the one with the smaller s is accepted|(expiry|agreement key|parents|order of (below|devices|variables)) is missing, or is not as it has to be/,
    samples,
  });

  const numbers: readonly (readonly [rule: string, says: string])[] = [
    ["header", `4: bstr .size ${credentialIdBytes} `],
    ["epoch", `0..${maxEpoch}`],
  ];

  test.each(numbers)("%s: %s", (rule, says) => expect(ruleLine(source, rule)).toContain(says));
});
