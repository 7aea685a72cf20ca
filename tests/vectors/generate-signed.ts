/** Prints the vector file of credentials, or that of statements, for today's code. README.md has the command, and says when it may be used. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { NodeCrypto } from "../../targets/linux-gateway/src/node-crypto";
import { Names } from "../../sdk/core/model/names";
import { Registry } from "../../sdk/core/model/registry";
import { standardVariables } from "../../sdk/core/model/standard-variables";
import type { SignatureUse } from "../../sdk/core/security/crypto-port";
import { makeCredential, parseCredential, type Credential } from "../../sdk/core/security/credential";
import { wireVersion } from "../../sdk/core/wire/session-message";
import { impliedNames, signStatement } from "../../sdk/core/wire/statement";
import { fromHex, toHex } from "../conformance/case";
import { credentialInputs, domain, keyUses } from "./credential-inputs";
import { credentialRefusals, statementRefusals } from "./signed-refusals";
import { decode, externalAadOf, sigStructure } from "./second-opinion";
import type { CredentialFile, CredentialVector, KeyText, SignedParts, StatementFile, StatementVector } from "./signed-file";
import { claimsFromText, statementFromText } from "./signed-text";
import { statementInputs } from "./statement-inputs";

const crypto = new NodeCrypto();
const notes = ["Bytes are in hex. The keys are test keys, never to be used.", "Signatures of ES256 are random: those that were made for this file are recorded, and verified for ever. Those of Ed25519 follow from their keys."];

function keyOf(name: string, use: KeyText["use"]): KeyText {
  const bytes = new Uint8Array(createHash("sha256").update(`ebalance test key: ${name}`).digest());
  return { use, private: toHex(bytes), public: toHex(crypto.publicKey(crypto.importPrivateKey(bytes, use))) };
}

function partsOf(message: Uint8Array, externalAad: Uint8Array): SignedParts {
  const [header, , payload, signature] = decode(message) as [Uint8Array, unknown, Uint8Array, Uint8Array];
  return { protected: toHex(header), externalAad: toHex(externalAad), signed: toHex(sigStructure(header, externalAad, payload)), payload: toHex(payload), signature: toHex(signature), message: toHex(message), bytes: message.length };
}

function credentialFile(): CredentialFile {
  const keys = Object.fromEntries(Object.entries(keyUses).map(([name, use]) => [name, keyOf(name, use)]));
  const made = new Map<string, Credential>();
  const credentials = credentialInputs.map((input): CredentialVector => {
    const issuer = made.get(input.issuer);
    const key = keys[issuer ? credentialInputs.find(({ name }) => name === input.issuer)!.claims.key : input.claims.key]!;
    const use = key.use as SignatureUse;
    const bytes = makeCredential(crypto, crypto.importPrivateKey(fromHex(key.private), use), { use, name: issuer?.subject ?? input.claims.subject, ...(issuer && { id: issuer.id }) }, claimsFromText(input.claims, keys));
    const credential = parseCredential(bytes, crypto);
    made.set(input.name, credential);
    return { ...input, hash: toHex(credential.hash), id: toHex(credential.id), ...partsOf(bytes, new Uint8Array(0)) };
  });
  const about = ["Credentials of ebalance, wire version 1: sdk/core/wire/credential.cddl describes them, tests/vectors/README.md this file.", ...notes];
  return { about, wireVersion, domain, keys, credentials, refusals: credentialRefusals(keys, credentials) };
}

function statementFile({ keys, credentials }: CredentialFile): StatementFile {
  const registry = new Registry(standardVariables);
  const statements = statementInputs.map((input): StatementVector => {
    const { message, claims } = credentials.find(({ name }) => name === input.signer)!;
    const signer = parseCredential(fromHex(message), crypto);
    const { use, private: bytes } = keys[claims.key]!;
    const statement = signStatement(crypto, crypto.importPrivateKey(fromHex(bytes), use), signer, domain, statementFromText(input.body, new Names(), registry), registry);
    return { ...input, implied: impliedNames(signer) as readonly string[], ...partsOf(statement, externalAadOf(domain, input.body.scope ?? "", signer.hash)) };
  });
  const about = [
    "Statements of ebalance, wire version 1: sdk/core/wire/statement.cddl describes them, tests/vectors/README.md this file.",
    "They are signed under the credentials of credential-v1.json, by their names there.",
    "Times are milliseconds since 1970-01-01 UTC; values are whole steps of the variable's scale (sdk/core/model/variables.json).",
    ...notes,
  ];
  return { about, wireVersion, domain, statements, refusals: statementRefusals(keys, credentials, statements) };
}

const given = process.argv[2];
console.log(JSON.stringify(given === undefined ? credentialFile() : statementFile(JSON.parse(readFileSync(given, "utf8")) as CredentialFile), null, 2));
