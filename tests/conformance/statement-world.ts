/** A home that verifies statements of a meter and its customer, for tests. Portable, so that the same runs on XS. */
import { granteeId, Names } from "../../sdk/core/model/names";
import type { Policy } from "../../sdk/core/model/policy";
import { Registry } from "../../sdk/core/model/registry";
import { standardVariables } from "../../sdk/core/model/standard-variables";
import { CertificateStore } from "../../sdk/core/security/certificate-store";
import type { Credential } from "../../sdk/core/security/credential";
import type { CryptoPort, PublicKeyPort, SignatureUse } from "../../sdk/core/security/crypto-port";
import { ReplayWindows } from "../../sdk/core/security/replay-windows";
import { StatementVerifier, type StatementVerifierSettings } from "../../sdk/core/security/statement-verifier";
import { signStatement } from "../../sdk/core/wire/statement";
import { StatementKind, type DataStatement, type PolicyStatement, type StatementBody, type StatementItem, type WriteStatement } from "../../sdk/core/wire/statement-body";
import { MemoryState } from "../../sdk/storage/memory-state";
import { CredentialWorld, issuedS, type Member } from "./credential-world";

export const energy = 3;
export const registry = new Registry(standardVariables);

export class StatementWorld extends CredentialWorld {
  readonly names = new Names();
  readonly store: CertificateStore;
  readonly state = new MemoryState();
  readonly verifier: StatementVerifier;
  /** Of the customer to the meter. */
  readonly metering: Credential;
  #sequence = 0;

  constructor(crypto: CryptoPort & PublicKeyPort, use: SignatureUse = "es256") {
    super(crypto, use);
    this.store = new CertificateStore(crypto, this.clock, this.root);
    for (const { credential } of [this.customer, this.supplier, this.home, this.meter]) this.store.add(credential.bytes);
    this.metering = this.store.add(this.delegation);
    this.verifier = this.verifierOf();
  }

  get timeMs(): number {
    return Math.floor(this.nowMs / 1000) * 1000;
  }

  /** A verifier over the state that is kept: another start of the unit. */
  verifierOf(settings: Partial<StatementVerifierSettings> = {}, state = this.state): StatementVerifier {
    return new StatementVerifier(this.store, this.clock, this.crypto, new ReplayWindows(state), { unit: "home", above: ["station"], registry, ...settings });
  }

  /** The customer lets the supplier's billing read every quarter of an hour. */
  policy(sequence = 3, minDelayS = 900): Policy {
    const { names } = this;
    return { sequence, entries: [{ rights: 1, minDelayS, grantees: [granteeId(names.id("supplier"), names.id("billing"))] }] };
  }

  item(value: number, given: Partial<StatementItem> = {}): StatementItem {
    return { variable: energy, value, timeMs: this.timeMs, device: this.names.id("meter"), owner: this.names.id("customer"), policy: this.policy(), ...given };
  }

  data(items: readonly StatementItem[], given: Partial<DataStatement> = {}): DataStatement {
    return { kind: StatementKind.data, names: this.names, sequence: ++this.#sequence, timeMs: this.timeMs, items, ...given };
  }

  /** Switches something of the home on. */
  write(given: Partial<WriteStatement> = {}): WriteStatement {
    const items = [this.item(1, { variable: 16, device: this.names.id("lamp") })];
    const { names, timeMs } = this;
    return { kind: StatementKind.write, names, sequence: ++this.#sequence, timeMs, scope: "home", expiresS: issuedS + 7200, items, ...given };
  }

  policyStatement(given: Partial<PolicyStatement> = {}): PolicyStatement {
    const { names, timeMs } = this;
    const selector = { variable: 0, device: names.id("meter"), owner: names.id("customer") };
    return { kind: StatementKind.policy, names, sequence: ++this.#sequence, timeMs, selector, policy: this.policy(), ...given };
  }

  sign(body: StatementBody, signer: Credential = this.metering, by: Member = this.meter, domain = "elm-street"): Uint8Array {
    return signStatement(this.crypto, by.signing, signer, domain, body, registry);
  }

  override close(): void {
    this.verifier.close();
    this.store.close();
    super.close();
  }
}
