/** What a credential, a revocation list or a key file says, for people and for programs; never a key. */
import { dirname, join } from "node:path";
import { CertificateStore, EbalanceError, parseKeyFile, readRevocations, standardVariables, type Credential, type Delegation, type UnitCredential } from "ebalance";
import type { NodeCrypto } from "../node-crypto";
import { systemClock } from "../node-ports";
import { readSecretText } from "../read-key-file";
import { unitFiles } from "./file-names";
import { rightsOf } from "./planned-credentials";
import { parsePrivateKeys } from "./private-key-file";
import { credentialOf, readCredential, readIfThere } from "./read-credential";

const daySeconds = 86_400;
const openingBrace = 0x7b;

/** Names and values, in the order in which they are shown. What is undefined is not. */
export type Shown = Readonly<Record<string, string | number | readonly string[] | undefined>>;

/** @throws EbalanceError `bad-configuration` for a file that is none of ours */
export function shownFile(path: string, crypto: NodeCrypto, nowS: number): Shown {
  const bytes = readIfThere(path);
  if (!bytes) throw new EbalanceError("bad-configuration", "caller", `${path} is not there`);
  if (bytes[0] === openingBrace) return shownKeys(path);
  return path.endsWith(".cbor") ? shownRevocations(bytes, path, crypto) : shownCredential(credentialOf(bytes, path, crypto), nowS);
}

/** A list says who has signed it by an id: the root beside it has to be the one. */
function shownRevocations(bytes: Uint8Array, path: string, crypto: NodeCrypto): Shown {
  const rootPath = join(dirname(path), unitFiles.root);
  const root = readCredential(rootPath, crypto);
  if (!root) throw new EbalanceError("bad-configuration", "caller", `${path}: ${rootPath} is not there, which would say who has signed it`);
  const store = new CertificateStore(crypto, systemClock, root.bytes);
  try {
    const { issuer, sequence, entries } = readRevocations(bytes, store);
    return { type: "revocation list", issuer: issuer.subject, domain: issuer.domain, sequence, revoked: entries.map(({ subject, leastEpoch }) => `${subject} below epoch ${leastEpoch}`) };
  } finally {
    store.close();
  }
}

function shownKeys(path: string): Shown {
  const text = readSecretText(path);
  if (!text.includes('"ebalance-session-key"')) {
    const { of, keys } = parsePrivateKeys(text, path);
    for (const key of Object.values(keys)) key.wipe();
    return { type: "private keys", of, keys: Object.keys(keys) };
  }
  const { session, key } = parseKeyFile(text, path);
  key.wipe();
  const { kid, domain, initiator, responder, owner, below, sources } = session;
  return { type: "session key", domain, kid, initiator, responder, owner, below, sources: sources.map((one) => `${one.service} for ${one.stakeholder} on ${one.device}`) };
}

function shownCredential(credential: Credential, nowS: number): Shown {
  const { type, subject, issuer, domain, epoch, issuedS, expiresS, id, issuerId, key } = credential;
  return {
    type,
    subject,
    domain,
    issuer,
    ...(type === "unit" ? ofUnit(credential) : type === "delegation" ? ofDelegation(credential) : {}),
    issued: dateTime(issuedS),
    expires: expiresS === Infinity ? undefined : dateTime(expiresS),
    holds: holds(credential, nowS),
    epoch,
    id: hex(id),
    issuerId: type === "root" ? undefined : hex(issuerId),
    key: key.use,
  };
}

function ofUnit({ role, owner, parents, below }: UnitCredential): Shown {
  return { role, owner, parents, below };
}

function ofDelegation({ service, rights, devices, variables }: Delegation): Shown {
  const names = Object.entries(standardVariables);
  return {
    service,
    rights: Object.entries(rightsOf).find(([, number]) => number === rights)![0],
    devices: devices ?? "all, as the policies of their owners grant",
    variables: variables?.map((id) => names.find(([, definition]) => definition.id === id)?.[0] ?? String(id)) ?? "all",
  };
}

function holds({ issuedS, expiresS }: Credential, nowS: number): string {
  if (issuedS > nowS) return "not yet";
  if (expiresS === Infinity) return "without an end";
  const days = Math.round((expiresS - nowS) / daySeconds);
  return expiresS <= nowS ? "expired" : days === 0 ? "less than a day" : `${days} more day${days === 1 ? "" : "s"}`;
}

export function dateTime(seconds: number): string {
  return new Date(1000 * seconds).toISOString();
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
