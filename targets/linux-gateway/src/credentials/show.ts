/** What a credential, a revocation list or a key file says, for people and for programs; never a key. */
import { readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { CertificateStore, credentialsFileType, EbalanceError, parseKeyFile, readRevocations, standardVariables, type Credential, type Delegation, type UnitCredential } from "ebalance";
import type { NodeCrypto } from "../node-crypto";
import { systemClock } from "../node-ports";
import { readSecretText } from "../read-key-file";
import { rootFiles, stakeholderEnd, unitFiles } from "./file-names";
import { rightsOf } from "./planned-credentials";
import { parsePrivateKeys } from "./private-key-file";
import { credentialOf, firstOfCredential, isOfAnotherRoot, readCredential, readIfThere } from "./read-credential";

const daySeconds = 86_400;
const openingBrace = 0x7b;

/** Names and values, in the order in which they are shown. What is undefined is not. */
export type Shown = Readonly<Record<string, string | number | readonly string[] | undefined>>;

/** @throws EbalanceError `bad-configuration` for a file that is none of ours */
export function shownFile(path: string, crypto: NodeCrypto, nowS: number): Shown {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) raise(`${path} is a folder; name files in it, as ${join(path, "*.cwt")}`);
  const bytes = readIfThere(path) ?? raise(`${path} is not there`);
  if (bytes[0] === openingBrace) return shownKeys(path, bytes);
  if (path.endsWith(".cbor")) return shownRevocations(bytes, path, crypto, nowS);
  if (bytes.length > 0 && bytes[0] !== firstOfCredential) raise(`${path} is no file that keys show knows: those are credentials (.cwt), revocation lists (.cbor) and key files (.key.json)`);
  return shownCredential(credentialOf(bytes, path, crypto), path, crypto, nowS);
}

/** A list says who has signed it by an id: the root beside it has to be the one. */
function shownRevocations(bytes: Uint8Array, path: string, crypto: NodeCrypto, nowS: number): Shown {
  const store = storeBeside(path, crypto, nowS) ?? raise(`${path}: ${join(dirname(path), unitFiles.root)} is not there, which would say who has signed it`);
  try {
    const { issuer, sequence, entries } = readRevocations(bytes, store);
    return { type: "revocation list", issuer: issuer.subject, domain: issuer.domain, sequence, revoked: entries.map(({ subject, leastEpoch }) => `${subject} below epoch ${leastEpoch}`) };
  } catch (error) {
    if (!(error instanceof EbalanceError)) throw error;
    return raise(`${path} is no revocation list of the root beside it: ${error.message}; copy the newest root/revocations.cbor of the grid again`);
  } finally {
    store.close();
  }
}

/** What the root trusts that belongs to a file: the one in its folder, or that of the grid whose folder it is in. */
function storeBeside(path: string, crypto: NodeCrypto, nowS: number): CertificateStore | undefined {
  const folder = dirname(path);
  const places = [join(folder, unitFiles.root), join(folder, "..", "..", rootFiles.credential)];
  const root = places.map((place) => readCredential(place, crypto)).find((one) => one !== undefined);
  return root && new CertificateStore(crypto, { ...systemClock, wallMs: () => nowS * 1000 }, root.bytes);
}

/** Why a credential does not count, whatever its dates say: it is revoked, or of another grid. Undefined where nothing beside it says so. */
function problemOf(credential: Credential, path: string, crypto: NodeCrypto, nowS: number): string | undefined {
  const store = credential.type === "root" ? undefined : storeBeside(path, crypto, nowS);
  if (!store) return undefined;
  const folder = dirname(path);
  try {
    const chain = chainOf(credential, folder, store.root, crypto);
    for (const list of [join(folder, unitFiles.revocations), join(folder, "..", "..", rootFiles.revocations)].map(readIfThere)) if (list) store.addRevocations(list);
    for (const one of chain) store.add(one.bytes);
    return undefined;
  } catch (error) {
    if (!(error instanceof EbalanceError)) throw error;
    // What else is wrong is that of another file.
    return error.code === "not-trusted" ? error.message : undefined;
  } finally {
    store.close();
  }
}

/** A credential after its issuer; nothing where the issuer is a stakeholder that is not in the folder. */
function chainOf(credential: Credential, folder: string, root: Credential, crypto: NodeCrypto): readonly Credential[] {
  if (isOfAnotherRoot(credential, root)) throw new EbalanceError("not-trusted", "caller", `it is signed by another root than that of ${root.domain} beside it`);
  if (Buffer.compare(credential.issuerId, root.id) === 0) return [credential];
  const copies = readdirSync(folder).filter((file) => file.endsWith(stakeholderEnd)).map((file) => readCredential(join(folder, file), crypto)!);
  const issuer = copies.find(({ id }) => Buffer.compare(id, credential.issuerId) === 0);
  return issuer ? [issuer, credential] : [];
}

function shownKeys(path: string, bytes: Uint8Array): Shown {
  const type = /"type":\s*"(ebalance-[a-z-]+)"/.exec(Buffer.from(bytes).toString("latin1"))?.[1];
  if (type === undefined) raise(`${path} is no file of keys: what is JSON and ebalance has made says so in its type`);
  if (type === credentialsFileType) raise(`${path} is the credentials of a device in one file: show those that it was made of, ${join(dirname(path), "*.cwt")}`);
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

function shownCredential(credential: Credential, path: string, crypto: NodeCrypto, nowS: number): Shown {
  const { type, subject, issuer, domain, epoch, issuedS, expiresS, id, issuerId, key } = credential;
  const problem = problemOf(credential, path, crypto, nowS);
  return {
    type,
    subject,
    domain,
    issuer,
    ...(type === "unit" ? ofUnit(credential) : type === "delegation" ? ofDelegation(credential) : {}),
    issued: dateTime(issuedS),
    expires: expiresS === Infinity ? undefined : dateTime(expiresS),
    holds: holds(credential, problem, nowS),
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

function holds({ issuedS, expiresS }: Credential, problem: string | undefined, nowS: number): string {
  if (issuedS > nowS) return `not yet: the clock of this machine says ${dateTime(nowS)}`;
  if (expiresS <= nowS) return "expired";
  if (problem !== undefined) return `no: ${problem}`;
  if (expiresS === Infinity) return "without an end";
  const days = Math.round((expiresS - nowS) / daySeconds);
  return days === 0 ? "less than a day" : `${days} more day${days === 1 ? "" : "s"}`;
}

export function dateTime(seconds: number): string {
  return new Date(1000 * seconds).toISOString();
}

function raise(what: string): never {
  throw new EbalanceError("bad-configuration", "caller", what);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
