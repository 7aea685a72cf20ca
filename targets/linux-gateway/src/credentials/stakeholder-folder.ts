/** The folder of a stakeholder: its credential and its private key, which goes into a module and nowhere else. Format: `docs/credentials.md`. */
import { join } from "node:path";
import { EbalanceError, Registry, StakeholderModule, standardVariables, type Credential, type KeyHandle, type StakeholderCredential, type StakeholderKeys, type StakeholderPorts } from "ebalance";
import type { NodeCrypto } from "../node-crypto";
import { stakeholderNames } from "./file-names";
import { readPrivateKeys } from "./private-key-file";
import { readCredential } from "./read-credential";

export interface StakeholderFolderPorts extends Omit<StakeholderPorts, "crypto" | "registry"> {
  readonly crypto: NodeCrypto;
  /** Default: the standard variables. */
  readonly registry?: StakeholderPorts["registry"];
  /** Keys of masks; the module's from here on. */
  readonly masking?: StakeholderKeys["masking"];
}

/**
 * Opens what `ebalance keys` has made for a stakeholder, in a program of its own: a head end, which is on no gateway.
 * @param folder `stakeholders/NAME` of the folder of a grid
 * @throws EbalanceError `bad-configuration` naming the file and the remedy; never a key
 * @example
 * import { randomBytes } from "node:crypto";
 * import { maskingKey } from "ebalance";
 * import { FileState, NodeCrypto, openStakeholder, stderrLog } from "@ebalance/gateway";
 *
 * const crypto = new NodeCrypto();
 * const secret = crypto.importKey(randomBytes(32), "derive"); // shared with whoever may read the sum
 * const customer = openStakeholder("grid/stakeholders/customer", {
 *   crypto,
 *   state: new FileState("customer-state", stderrLog("customer")),
 *   masking: new Map([["customer", maskingKey(crypto, secret, "customer")]]),
 * });
 * const policy = customer.signPolicy({ sequence: 1, entries: [] }, "meter");
 * const masked = customer.encrypt(1500, 3, 1); // 150.0 W of active power, in the first epoch
 * const sum = customer.add([masked], 1);
 * if (sum) console.log(policy.length, customer.decrypt(sum));
 * customer.close();
 */
export function openStakeholder(folder: string, { masking, registry = new Registry(standardVariables), ...ports }: StakeholderFolderPorts): StakeholderModule {
  const path = join(folder, stakeholderNames.credential);
  const credential = readCredential(path, ports.crypto) ?? raise(`${path} is not there; make it with ebalance keys stakeholder, or copy the folder of the stakeholder again`);
  if (credential.type !== "stakeholder") raise(`${path} is of a ${credential.type}, not of a stakeholder; the folder of a stakeholder belongs here`);
  const signing = signingKey(join(folder, stakeholderNames.keys), path, credential, ports.crypto);
  return new StakeholderModule({ ...ports, registry }, credential as StakeholderCredential, { signing, ...(masking ? { masking } : {}) });
}

/**
 * The key that signs, from the file that belongs to a credential.
 * @throws EbalanceError `bad-configuration` for a file of somebody else's, or another key than that of the credential
 */
export function signingKey(path: string, credentialPath: string, { subject, key: { bytes } }: Credential, crypto: NodeCrypto): KeyHandle {
  const { of, keys } = readPrivateKeys(path);
  const isOwn = of === subject;
  const handle = isOwn ? keys.es256!.importPrivateInto(crypto, "es256") : undefined;
  Object.values(keys).forEach((key) => key.wipe());
  if (handle === undefined) return raise(`private key file ${path}: of is ${of}, not ${subject}; put it back where it belongs`);
  if (Buffer.compare(crypto.publicKey(handle), bytes) === 0) return handle;
  crypto.destroyKey(handle);
  return raise(`${path} is not the key of ${credentialPath}; put the right one in its place`);
}

function raise(what: string): never {
  throw new EbalanceError("bad-configuration", "caller", what);
}
