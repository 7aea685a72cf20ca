/**
 * The file that provisions one session: JSON, the same at both ends, with the key. Whoever reads it can be either end, so it is kept readable
 * by its owner alone (the platform checks that). Format: `docs/key-file.md`.
 */
import { badArgument, EbalanceError } from "../model/errors";
import { Names } from "../model/names";
import { policyFromText, type PolicyText } from "../model/policy";
import { maxKid } from "../wire/session-message";
import { Secret } from "./secret";
import { checkSession, type Protection, type SessionConfig } from "./session-config";

/** What a session key file says: `docs/key-file.md`. */
export interface KeyFile {
  readonly session: SessionConfig;
  /** 32 bytes; wipe them once they are imported. */
  readonly key: Secret;
  /** The policy that the owner gives the initiator for what it measures. */
  readonly policy?: PolicyText;
}

const keyBytes = 32;
const fields: readonly string[] = Object.freeze(["type", "version", "kid", "key", "domain", "initiator", "responder", "owner", "names", "sources", "below", "protection", "policy"]);

/** @throws EbalanceError `bad-configuration` naming file and field; never the key */
export function parseKeyFile(text: string, fileName: string): KeyFile {
  let file: Record<string, unknown>;
  try {
    file = JSON.parse(text) as Record<string, unknown>;
  } catch {
    // The engine's own message would quote the text, and with it the key.
    return wrong(fileName, "the file", "is not JSON");
  }
  if (typeof file !== "object" || file === null || file["type"] !== "ebalance-session-key")
    return wrong(fileName, "type", 'is not "ebalance-session-key"');
  for (const field of Object.keys(file)) if (!fields.includes(field)) wrong(fileName, field, `is not a field; there are ${fields.join(", ")}`);
  if (file["version"] !== 1) wrong(fileName, "version", "is not 1");
  const kid = file["kid"];
  if (typeof kid !== "number" || !Number.isInteger(kid) || kid < 1 || kid > maxKid) return wrong(fileName, "kid", `is not a whole number from 1 to ${maxKid}`);
  const session: SessionConfig = {
    kid,
    domain: text64(file, "domain", fileName),
    initiator: text64(file, "initiator", fileName),
    responder: text64(file, "responder", fileName),
    owner: text64(file, "owner", fileName),
    names: list(file, "names", fileName).map((name) => asText(name, "names", fileName)),
    sources: list(file, "sources", fileName).map((source) => asSource(source, fileName)),
    ...(file["below"] === undefined ? {} : { below: list(file, "below", fileName).map((unit) => asText(unit, "below", fileName)) }),
    ...(file["protection"] === undefined ? {} : { protection: file["protection"] as Protection }),
  };
  const policy = file["policy"] as PolicyText | undefined;
  checkMeaning(session, policy, fileName);
  return { session, key: new Secret(parseKey(file["key"], fileName)), ...(policy ? { policy } : {}) };
}

/** What the fields say, once each has the right form. */
function checkMeaning(session: SessionConfig, policy: PolicyText | undefined, fileName: string): void {
  try {
    checkSession(session, session.initiator);
    if (policy !== undefined) checkPolicy(policy, session.names);
  } catch (error) {
    throw new EbalanceError("bad-configuration", "caller", `key file ${fileName}: ${(error as Error).message}`);
  }
}

function checkPolicy(policy: PolicyText, names: readonly string[]): void {
  policyFromText(policy, new Names());
  for (const { grantees } of policy.entries)
    for (const { stakeholder, service } of grantees)
      for (const name of [stakeholder, service]) if (!names.includes(name)) badArgument(`policy names ${name}, which is not in names`);
}

function parseKey(hex: unknown, fileName: string): Uint8Array {
  const key = hexBytes(hex);
  return key?.length === keyBytes ? key : wrong(fileName, "key", `is not ${2 * keyBytes} hexadecimal digits`);
}

/** The bytes of hexadecimal digits; undefined where it is not all of them, or no text. */
export function hexBytes(hex: unknown): Uint8Array | undefined {
  if (typeof hex !== "string" || hex.length % 2) return undefined;
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    const pair = hex.slice(2 * i, 2 * i + 2);
    if (!/^[0-9a-fA-F]{2}$/.test(pair)) return undefined;
    bytes[i] = parseInt(pair, 16);
  }
  return bytes;
}

function asSource(value: unknown, fileName: string): SessionConfig["sources"][number] {
  if (typeof value !== "object" || value === null) return wrong(fileName, "sources", "has an entry that is not {device, service, stakeholder}");
  const source = value as Record<string, unknown>;
  const via = source["via"] === undefined ? {} : { via: text64(source, "via", fileName) };
  return { device: text64(source, "device", fileName), service: text64(source, "service", fileName), stakeholder: text64(source, "stakeholder", fileName), ...via };
}

function list(file: Record<string, unknown>, field: string, fileName: string): unknown[] {
  const value = file[field];
  return Array.isArray(value) ? value : wrong(fileName, field, "is not a list");
}

function text64(object: Record<string, unknown>, field: string, fileName: string): string {
  return asText(object[field], field, fileName);
}

function asText(value: unknown, field: string, fileName: string): string {
  return typeof value === "string" && value.length > 0 && value.length <= 64 ? value : wrong(fileName, field, "is not a text of 1 to 64 characters");
}

function wrong(fileName: string, field: string, what: string): never {
  throw new EbalanceError("bad-configuration", "caller", `key file ${fileName}: ${field} ${what}`);
}
