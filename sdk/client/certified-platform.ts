/** The platform of a device with credentials, made of the one of a device with a session key file: what it was provisioned with is a credentials file then. */
import { sameBytes } from "../core/model/bytes";
import { EbalanceError, isStorageFailure } from "../core/model/errors";
import { granteesOf } from "../core/model/policy";
import { standardRegistry } from "../core/model/standard-variables";
import type { StatePort } from "../core/ports";
import { CertificateStore, deviceCertificateLimits } from "../core/security/certificate-store";
import type { HandshakeParty } from "../core/security/certified-handshake";
import type { Credential, UnitCredential } from "../core/security/credential";
import { parseCredentialsFile, type CredentialsFile, type UnitKeyName } from "../core/security/credentials-file";
import type { FullCrypto, KeyHandle } from "../core/security/crypto-port";
import { Resumption } from "../core/security/resumption";
import { encryptingSeal } from "../core/wire/encrypting-seal";
import { portableSeal } from "../core/wire/reading-message";
import type { CertifiedDevicePlatform } from "./certified-device";
import type { DevicePlatform } from "./device";

/** What a device with credentials needs besides its platform. */
export interface CertifiedPorts {
  /** The whole crypto port; its keys are those that the platform's seal port knows. */
  readonly crypto: FullCrypto;
  /** Where sessions and revocations are kept over a restart. Left out: nowhere, and each start takes a handshake. */
  readonly state?: StatePort | undefined;
}

/** So many delegations are opened in a session. */
const maxDelegations = 8;

/**
 * Takes the credentials of a device in, and its keys into the crypto port.
 * @param platform its `keyFile` is a credentials file, as `ebalance keys provision` writes it
 * @throws EbalanceError `bad-configuration` naming file and field, never a key; `storage-failed` where the revocations that were kept cannot be read
 * @example
 * const state = new FlashState(partition, platform.log);
 * openCertifiedDevice(certifiedPlatform(platform, { crypto: fullCrypto, state })).report("temperature", { everyMs: 10_000, read: platform.readings.temperature });
 */
export function certifiedPlatform(platform: DevicePlatform, { crypto, state }: CertifiedPorts): CertifiedDevicePlatform {
  const { keyFile, clock, log, seal } = platform;
  const { name } = keyFile;
  const file = parseCredentialsFile(keyFile.text, name);
  const keys = takeKeys(file, name, crypto);
  const store = within(name, "root", () => new CertificateStore(crypto, clock, file.root, deviceCertificateLimits, state));
  const { revocations, policy } = file;
  if (revocations) within(name, "revocations", () => store.addRevocations(revocations));
  // Their signatures are the other end's to verify: whoever has written this file has written its root too.
  const credential = takeUnit(file, name, store);
  if (!sameBytes(crypto.publicKey(keys.es256), credential.key.bytes)) wrong(name, "es256", "is not the key of the credential");
  if (!sameBytes(crypto.publicKey(keys["ecdh-p256"]), credential.agreementKey)) wrong(name, "ecdh-p256", "is not the key of the credential");
  for (const one of file.others) within(name, "others", () => store.restore(one));
  const parent = file.parent ?? credential.parents[0];
  if (parent === undefined || !credential.parents.includes(parent)) return wrong(name, "parent", `is ${parent ?? "missing"}; the credential names ${credential.parents.join(", ") || "none"}`);
  const party: HandshakeParty = {
    crypto,
    store,
    registry: standardRegistry,
    credential,
    signingKey: keys.es256,
    agreementKey: keys["ecdh-p256"],
    delegations: store.delegations(credential.subject).slice(0, maxDelegations).map((one) => ({ credential: one, key: keys.es256 })),
    names: granteesOf(policy ? [policy] : []),
    protection: file.protection ?? "mac",
  };
  const resumption = state && new Resumption({ state, crypto, wrapping: keys.wrap, party, clock, log });
  return { ...platform, crypto, seal: encryptingSeal(crypto, seal ?? portableSeal(crypto)), party, parent, policy, resumption, state };
}

function takeKeys({ keys }: CredentialsFile, name: string, crypto: FullCrypto): Readonly<Record<UnitKeyName, KeyHandle>> {
  const taken = {
    es256: within(name, "es256", () => keys.es256.importPrivateInto(crypto, "es256")),
    "ecdh-p256": within(name, "ecdh-p256", () => keys["ecdh-p256"].importPrivateInto(crypto, "ecdh-p256")),
    wrap: within(name, "wrap", () => keys.wrap.importInto(crypto, "wrap")),
  };
  for (const secret of [keys.es256, keys["ecdh-p256"], keys.wrap]) secret.wipe();
  return taken;
}

function takeUnit({ credential }: CredentialsFile, name: string, store: CertificateStore): UnitCredential {
  const taken: Credential = within(name, "credential", () => store.restore(credential));
  return taken.type === "unit" ? taken : wrong(name, "credential", `is of a ${taken.type}, not of a unit`);
}

/** Says in which field something is not usable. What native modules throw is known by its code: its class is of a bundle of their own. */
function within<Result>(name: string, field: string, act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    const { code, message } = error as EbalanceError;
    if (code === undefined || isStorageFailure(error)) throw error;
    return wrong(name, field, `is not usable: ${message}`);
  }
}

function wrong(name: string, field: string, what: string): never {
  throw new EbalanceError("bad-configuration", "caller", `credentials file ${name}: ${field} ${what}; make it anew with ebalance keys provision`);
}
