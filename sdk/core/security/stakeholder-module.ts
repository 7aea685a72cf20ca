/** What a stakeholder does with its keys. They are handles, and nobody else has them. */
import { badArgument, EbalanceError } from "../model/errors";
import { Names } from "../model/names";
import { policyFromText, type PolicyText } from "../model/policy";
import type { StatePort } from "../ports";
import type { ReadContext } from "../wire/session-body";
import { signStatement } from "../wire/statement";
import { StatementKind, type StatementBody } from "../wire/statement-body";
import type { DelegationClaims, ServiceClaims } from "./claims";
import { issuerOf, makeCredential, type StakeholderCredential } from "./credential";
import type { CryptoPort, KeyHandle, PublicKeyPort } from "./crypto-port";
import { MaskEpochs } from "./mask-epochs";
import { addMasked, mask, unmask, type Masked } from "./masked-sum";
import type { StatementVerifier, VerifiedStatement } from "./statement-verifier";

/** What a stakeholder's module works with. */
export interface StakeholderPorts {
  readonly crypto: CryptoPort & PublicKeyPort;
  /** Where the epochs of masks are kept: without it there is nothing to mask with. */
  readonly state?: StatePort;
  /** Verifies what others have signed: that of the unit where this is. */
  readonly verifier?: Pick<StatementVerifier, "verify">;
  /** Gives the types of values in statements. */
  readonly registry: ReadContext["registry"];
}

/** The module's from here on: {@link StakeholderModule.close} destroys them. */
export interface StakeholderKeys {
  /** The private key of the stakeholder's credential. */
  readonly signing: KeyHandle;
  /** By name of contributor the key of its masks, use "mac": a contributor has its own, the key holder has those of all. */
  readonly masking?: ReadonlyMap<string, KeyHandle>;
}

/**
 * The only holder of one stakeholder's keys: it signs, delegates, certifies services, and masks and unmasks values. On Linux `openStakeholder` of `@ebalance/gateway` opens one from the files of
 * `ebalance keys`.
 * @example
 * const customer = new StakeholderModule({ crypto, state, registry }, credential, { signing });
 * const delegation = customer.delegate({ subject: "meter", key: meterKey, service: "metering", rights: 2, epoch: 1, issuedS, expiresS });
 */
export class StakeholderModule {
  #epochs: MaskEpochs | undefined;
  #keys: StakeholderKeys | undefined;

  constructor(
    private readonly ports: StakeholderPorts,
    readonly credential: StakeholderCredential,
    keys: StakeholderKeys,
  ) {
    this.#keys = keys;
  }

  /**
   * Signs a statement under the stakeholder's own credential: a policy, a revocation list.
   * @throws EbalanceError `bad-argument` for what no statement can say, `too-large`
   */
  sign(body: StatementBody): Uint8Array {
    const { crypto, registry } = this.ports;
    return signStatement(crypto, this.#open().signing, this.credential, this.credential.domain, body, registry);
  }

  /**
   * Signs a policy of the stakeholder's series, to be handed in to any unit: `DataInterface.policy`.
   * @param policy its sequence, 1 to 2^30 - 1, has to be above that of the policy in force
   * @param variable id of the one that it is for; 0: all of the device, those too that come later
   * @throws EbalanceError as {@link sign}
   */
  signPolicy(policy: PolicyText, device: string, variable = 0): Uint8Array {
    const names = new Names();
    const selector = { variable, device: names.id(device), owner: names.id(this.credential.subject) };
    return this.sign({ kind: StatementKind.policy, names, sequence: policy.sequence, timeMs: undefined, selector, policy: policyFromText(policy, names) });
  }

  /**
   * Verifies a statement that another has signed.
   * @throws EbalanceError as {@link StatementVerifier.verify} does
   */
  verify(statement: Uint8Array): VerifiedStatement {
    return (this.ports.verifier ?? badArgument("there is no verifier of statements")).verify(statement);
  }

  /**
   * Lets a unit act for the stakeholder as a service.
   * @param claims `subject` is the unit, `key` is the unit's own
   * @returns the bytes of the delegation
   * @throws EbalanceError `bad-argument` for claims that no delegation can have
   */
  delegate(claims: Omit<DelegationClaims, "type" | "domain">): Uint8Array {
    return this.#issue({ ...claims, type: "delegation", domain: this.credential.domain });
  }

  /**
   * Certifies a service of the stakeholder's that signs with a key of its own.
   * @param claims `subject` is the service, `key` is its own
   * @returns the bytes of the credential
   * @throws EbalanceError `bad-argument` for claims that no service can have
   */
  certify(claims: Omit<ServiceClaims, "type" | "domain">): Uint8Array {
    return this.#issue({ ...claims, type: "service", domain: this.credential.domain });
  }

  #issue(claims: DelegationClaims | ServiceClaims): Uint8Array {
    return makeCredential(this.ports.crypto, this.#open().signing, issuerOf(this.credential), claims);
  }

  /**
   * Masks a value for a sum: whoever adds it to others sees neither.
   * @param value a whole number, fixed point as the variable's scale says, between -(2^53 - 1) and 2^53 - 1
   * @param variable id, 1 to 65535
   * @param epoch the stretch of time that the value is of, counted by all contributors alike; above those used before for the variable
   * @throws EbalanceError `bad-argument`, or `storage-failed` where the epoch could not be kept
   */
  encrypt(value: number, variable: number, epoch: number): Masked {
    const { crypto, state } = this.ports;
    const { subject } = this.credential;
    const key = this.#open().masking?.get(subject) ?? badArgument(`there is no key to mask values of ${subject} with`);
    if (!state) return badArgument("there is no state port: epochs of masks have to survive a restart");
    this.#epochs ??= new MaskEpochs(state, subject);
    // Masked before and handed out after the epoch is taken: what cannot be masked takes none.
    const masked = mask(crypto, key, subject, variable, epoch, value);
    this.#epochs.take(variable, epoch);
    return masked;
  }

  /**
   * Takes the masks of its contributors off a sum.
   * @throws EbalanceError `not-trusted` for a contributor whose key is not here, `malformed` for a sum that was changed so that it shows
   */
  decrypt(sum: Masked): number {
    const { masking } = this.#open();
    return unmask(this.ports.crypto, (contributor) => masking?.get(contributor), sum);
  }

  /** Adds masked values, which needs no key: {@link addMasked}. */
  add(parts: readonly Masked[], least: number): Masked | undefined {
    return addMasked(parts, least);
  }

  /** Destroys the keys; whatever needs one is refused from then on. May be called twice. */
  close(): void {
    const keys = this.#keys;
    if (!keys) return;
    this.ports.crypto.destroyKey(keys.signing);
    keys.masking?.forEach((key) => this.ports.crypto.destroyKey(key));
    this.#keys = undefined;
  }

  #open(): StakeholderKeys {
    if (this.#keys) return this.#keys;
    throw new EbalanceError("closed", "caller", `the keys of ${this.credential.subject} have been destroyed`);
  }
}
