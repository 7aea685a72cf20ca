/** The CDDL of the handshake against the code that reads and makes its messages. */
import { describe, expect, test } from "vitest";
import { malformed } from "../../../sdk/core/model/errors";
import { decodeBody } from "../../../sdk/core/security/certified-handshake";
import { CertifiedInitiator } from "../../../sdk/core/security/certified-initiator";
import { CertifiedResponder } from "../../../sdk/core/security/certified-responder";
import { handshakeTagBytes, HandshakeRefusal, maxHandshakeBytes, readHandshake, writeRefusal, writeUnknown } from "../../../sdk/core/wire/handshake-message";
import { wireVersion } from "../../../sdk/core/wire/session-message";
import { Grid, nodeCrypto } from "../../scenarios/certified-grid";
import { readCddl } from "./grammar";
import { cddlSource, holdRule, ruleLine } from "./hold";
import { fits } from "./judge";

const source = cddlSource("handshake.cddl");
const grammar = readCddl(source);

/** The messages of a handshake, with credentials whole and with their ids. */
function messages(): Uint8Array[] {
  const grid = new Grid();
  const [customer, operator] = [grid.stakeholder("customer"), grid.stakeholder("grid-operator")];
  const meter = grid.party(nodeCrypto(), grid.unit("meter", { parents: ["home"] }), [[customer, grid.delegation(customer, "meter", "metering")]], { protection: "encrypt" });
  const home = grid.party(nodeCrypto(), grid.unit("home"), [[operator, grid.delegation(operator, "home", "guard")]], { names: ["supplier"] });
  const made: Uint8Array[] = [];
  for (let i = 0; i < 2; i++) {
    const [initiator, responder] = [new CertifiedInitiator(meter, "home", () => true), new CertifiedResponder(home, () => true)];
    const hello = initiator.start();
    const answer = responder.receive(hello).send!;
    const open = initiator.receive(answer).send!;
    made.push(hello, answer, open, responder.receive(open).send!);
  }
  return [...made, writeRefusal("held", new Uint8Array(16).fill(3)), writeUnknown(300)];
}

const samples = messages();

describe("handshake.cddl and the code", () => {
  test("each message fits", () => expect(samples.map((bytes) => fits(grammar, "handshake", bytes))).toEqual(samples.map(() => true)));

  holdRule({
    grammar,
    rule: "message",
    read: (bytes) => {
      const read = readHandshake(bytes);
      if ("version" in read && read.version !== wireVersion) malformed("another version, which the ends deal with");
      if ("body" in read) decodeBody(read.body);
    },
    beyondCddl: /handshake message of \d+ bytes/,
    samples,
  });

  const numbers: readonly (readonly [rule: string, says: string])[] = [
    ["version", ` ${wireVersion} `],
    ["tag", `.size ${handshakeTagBytes}`],
    ["reason", `1..${Math.max(...Object.values(HandshakeRefusal))}`],
    ["credential", `..${maxHandshakeBytes})`],
  ];

  test.each(numbers)("%s: %s", (rule, says) => expect(ruleLine(source, rule)).toContain(says));
});
