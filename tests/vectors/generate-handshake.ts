/** Prints the vector file of handshakes for today's code. README.md has the command, and says when it may be used. */
import { wireVersion } from "../../sdk/core/wire/session-message";
import { toHex } from "../conformance/case";
import credentialFile from "./credential-v1.json";
import type { HandshakeFile, HandshakeVector } from "./handshake-file";
import { opinionOf } from "./handshake-opinion";
import { HandshakeEnd, runHandshake, type EndInputs } from "./handshake-replay";
import type { CredentialFile } from "./signed-file";

const lower: EndInputs = { unit: "meter", delegations: ["metering at the meter"], names: [], known: [], random: ["c0c1c2c3c4c5c6c7c8c9cacbcccdcecf"], signatures: [] };
const upper: EndInputs = { unit: "home", delegations: ["billing at home"], names: ["aggregator", "balancing"], known: [], random: ["0111", "d0d1d2d3d4d5d6d7d8d9dadbdcdddedf"], signatures: [] };

function handshake(name: string, about: string, initiator: EndInputs, responder: EndInputs): HandshakeVector {
  const [below, above] = [new HandshakeEnd(initiator), new HandshakeEnd(responder)];
  const { initiated, responded: _, ...sent } = runHandshake(below, above);
  const messages = { hello: toHex(sent.hello), answer: toHex(sent.answer), open: toHex(sent.open), accept: toHex(sent.accept) };
  const bytes = { hello: sent.hello.length, answer: sent.answer.length, open: sent.open.length, accept: sent.accept.length };
  const { z, th, keys } = opinionOf(messages, [initiator.unit, responder.unit], credentialFile as unknown as CredentialFile);
  return { name, about, initiator: { ...initiator, signatures: below.crypto.signatures }, responder: { ...responder, signatures: above.crypto.signatures }, messages, bytes, z, th, keys, session: initiated.config };
}

const file: HandshakeFile = {
  about: [
    "Handshakes of ebalance, wire version 1: sdk/core/wire/handshake.cddl describes them, tests/vectors/README.md this file.",
    "Keys and credentials are those of credential-v1.json, by their names there. Bytes are in hex. The keys are test keys, never to be used.",
    "Signatures of ES256 are random: those that were made for this file are recorded.",
  ],
  wireVersion,
  handshakes: [
    handshake("byValue", "two units that have not met: each brings its credentials", lower, upper),
    handshake("encrypted", "the lower unit asks for encryption, so the session has it", { ...lower, protection: "encrypt" }, upper),
    handshake("byId", "two units that have met: credentials are named by their ids", { ...lower, known: ["home", "supplier", "billing at home"] }, { ...upper, known: ["meter", "customer", "metering at the meter"] }),
  ],
};
console.log(JSON.stringify(file, null, 2));
