/** The street of the vectors, for today's code: its credentials in a store, and what signs and verifies statements under them. */
import { Names } from "../../sdk/core/model/names";
import { Registry } from "../../sdk/core/model/registry";
import { standardVariables } from "../../sdk/core/model/standard-variables";
import type { ClockPort } from "../../sdk/core/ports";
import { CertificateStore } from "../../sdk/core/security/certificate-store";
import type { Credential } from "../../sdk/core/security/credential";
import type { KeyHandle } from "../../sdk/core/security/crypto-port";
import { ReplayWindows } from "../../sdk/core/security/replay-windows";
import { StatementVerifier } from "../../sdk/core/security/statement-verifier";
import { signStatement } from "../../sdk/core/wire/statement";
import { MemoryState } from "../../sdk/storage/memory-state";
import { NodeCrypto } from "../../targets/linux-gateway/src/node-crypto";
import { fromHex } from "../conformance/case";
import { issuedS } from "./credential-inputs";
import credentialFile from "./credential-v1.json";
import type { CredentialFile, CredentialVector, StatementText } from "./signed-file";
import { statementFromText } from "./signed-text";

const { keys, credentials, domain } = credentialFile as unknown as CredentialFile;

export class Street {
  readonly registry = new Registry(standardVariables);
  /** An hour after everything was issued, until it is set. */
  nowMs = (issuedS + 3600) * 1000;
  readonly clock: ClockPort = { wallMs: () => this.nowMs, monotonicMs: () => this.nowMs, isSet: () => true };
  readonly store: CertificateStore;

  /** @param names of the credentials that the store has besides the root; left out: all */
  constructor(
    names: readonly string[] = credentials.map(({ name }) => name),
    readonly crypto = new NodeCrypto(),
  ) {
    this.store = new CertificateStore(this.crypto, this.clock, fromHex(vectorOf("root").message));
    for (const { name, message } of credentials) if (names.includes(name)) this.store.add(fromHex(message));
  }

  credential(name: string): Credential {
    return this.store.find(fromHex(vectorOf(name).id))!;
  }

  /** The private key of the vectors that has this name. */
  key(name: string): KeyHandle {
    return this.crypto.importPrivateKey(fromHex(keys[name]!.private), keys[name]!.use);
  }

  /** Signs under a credential, by its name. */
  signer(name: string): (body: StatementText) => Uint8Array {
    const key = this.key(vectorOf(name).claims.key);
    const credential = this.credential(name);
    return (body) => signStatement(this.crypto, key, credential, domain, statementFromText(body, new Names(), this.registry), this.registry);
  }

  sign(signer: string, body: StatementText): Uint8Array {
    return this.signer(signer)(body);
  }

  /** A verifier of a unit that has taken requests of a signer before, and verifies as many as come. */
  verifier(unit: string, signer: string): StatementVerifier {
    const windows = new ReplayWindows(new MemoryState());
    windows.accept(this.credential(signer).id, { sequence: 1, timeS: 0, isWrite: false });
    return new StatementVerifier(this.store, this.clock, this.crypto, windows, { unit, above: [], registry: this.registry, budget: { perSecond: 1e6, burst: 1e6 } });
  }
}

function vectorOf(name: string): CredentialVector {
  return credentials.find((vector) => vector.name === name)!;
}
