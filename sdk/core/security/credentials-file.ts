/**
 * The file that provisions a device with credentials: JSON, one text for all that stands in the folder of a unit, so that it fits where a board keeps its settings. It holds private keys, and is kept
 * readable by its owner alone (the platform checks that). Format: `docs/credentials.md`.
 */
import { EbalanceError } from "../model/errors";
import { Names } from "../model/names";
import { policyFromText, type PolicyText } from "../model/policy";
import { hexBytes } from "./key-file";
import { Secret } from "./secret";
import type { Protection } from "./session-config";

/** The keys of a unit: what it signs with, what it agrees on secrets with, and what it wraps the session keys with that it keeps over a restart. */
export type UnitKeyName = "es256" | "ecdh-p256" | "wrap";

/** What a device with credentials was provisioned with. Bytes of keys are secrets: they go into a crypto port and nowhere else. */
export interface CredentialsFile {
  /** Id of the unit above that is to be joined. Left out: the first that the credential names. */
  readonly parent?: string;
  readonly root: Uint8Array;
  /** Of the unit. */
  readonly credential: Uint8Array;
  /** Those of stakeholders and the delegations, each after its issuer; at most 16. */
  readonly others: readonly Uint8Array[];
  /** The newest revocation list. */
  readonly revocations?: Uint8Array;
  /** 32 bytes each; wipe them once they are imported. */
  readonly keys: Readonly<Record<UnitKeyName, Secret>>;
  readonly protection?: Protection;
  /** The policy that the owner gives what the unit measures. */
  readonly policy?: PolicyText;
}

/** `type` of a credentials file: what `ebalance keys provision` writes. */
export const credentialsFileType = "ebalance-credentials";
const keyBytes = 32;
const maxOthers = 16;
const fields: readonly string[] = Object.freeze(["type", "version", "parent", "root", "credential", "others", "revocations", "es256", "ecdh-p256", "wrap", "protection", "policy"]);

/**
 * Reads the form of a file; nothing in it is verified.
 * @throws EbalanceError `bad-configuration` naming file and field; never a key
 */
export function parseCredentialsFile(text: string, fileName: string): CredentialsFile {
  let file: Record<string, unknown>;
  try {
    file = JSON.parse(text) as Record<string, unknown>;
  } catch {
    // The engine's own message would quote the text, and with it the keys.
    return wrong(fileName, "the file", "is not JSON");
  }
  if (typeof file !== "object" || file === null || file["type"] !== credentialsFileType) return wrong(fileName, "type", `is not "${credentialsFileType}"`);
  for (const field of Object.keys(file)) if (!fields.includes(field)) wrong(fileName, field, `is not a field; there are ${fields.join(", ")}`);
  if (file["version"] !== 1) wrong(fileName, "version", "is not 1");
  const { parent, others, revocations, protection, policy } = file;
  if (parent !== undefined && !(typeof parent === "string" && parent.length > 0 && parent.length <= 64)) return wrong(fileName, "parent", "is not a text of 1 to 64 characters");
  if (!Array.isArray(others) || others.length > maxOthers) return wrong(fileName, "others", `is not a list of at most ${maxOthers}`);
  if (protection !== undefined && protection !== "mac" && protection !== "encrypt") return wrong(fileName, "protection", 'is neither "mac" nor "encrypt"');
  if (policy !== undefined) checkPolicy(policy as PolicyText, fileName);
  return {
    ...(parent === undefined ? {} : { parent }),
    root: bytesOf(file["root"], "root", fileName),
    credential: bytesOf(file["credential"], "credential", fileName),
    others: others.map((one) => bytesOf(one, "others", fileName)),
    ...(revocations === undefined ? {} : { revocations: bytesOf(revocations, "revocations", fileName) }),
    keys: { es256: keyOf(file, "es256", fileName), "ecdh-p256": keyOf(file, "ecdh-p256", fileName), wrap: keyOf(file, "wrap", fileName) },
    ...(protection === undefined ? {} : { protection }),
    ...(policy === undefined ? {} : { policy: policy as PolicyText }),
  };
}

function checkPolicy(policy: PolicyText, fileName: string): void {
  try {
    policyFromText(policy, new Names());
  } catch (error) {
    wrong(fileName, "policy", (error as Error).message);
  }
}

function bytesOf(hex: unknown, field: string, fileName: string): Uint8Array {
  const bytes = hexBytes(hex);
  return bytes?.length ? bytes : wrong(fileName, field, "is not made of pairs of hexadecimal digits");
}

function keyOf(file: Record<string, unknown>, name: UnitKeyName, fileName: string): Secret {
  const bytes = hexBytes(file[name]);
  return bytes?.length === keyBytes ? new Secret(bytes) : wrong(fileName, name, `is not ${2 * keyBytes} hexadecimal digits`);
}

function wrong(fileName: string, field: string, what: string): never {
  throw new EbalanceError("bad-configuration", "caller", `credentials file ${fileName}: ${field} ${what}`);
}
