/** A home, and a meter with a credential that signs checkpoints, in one process and on a clock of their own. Portable, so that the same runs on XS. */
import { openCheckpointedDevice } from "../../sdk/client/checkpointed-device";
import type { Device } from "../../sdk/client/device";
import { UnitDriver } from "../../sdk/client/unit-driver";
import { CertifiedSessions } from "../../sdk/core/group/certified-sessions";
import { Doorkeeper } from "../../sdk/core/group/doorkeeper";
import type { LinkEvents, LinkPort } from "../../sdk/core/ports";
import { CertificateStore } from "../../sdk/core/security/certificate-store";
import type { HandshakeParty } from "../../sdk/core/security/certified-handshake";
import { parseCredential, type Delegation, type UnitCredential } from "../../sdk/core/security/credential";
import type { FullCrypto } from "../../sdk/core/security/crypto-port";
import { ReplayWindows } from "../../sdk/core/security/replay-windows";
import { SequenceReservation } from "../../sdk/core/security/sequence-reservation";
import { StatementVerifier } from "../../sdk/core/security/statement-verifier";
import type { CheckpointFinding } from "../../sdk/core/statements/checkpoint-keeper";
import { Signatory } from "../../sdk/core/statements/signatory";
import { encryptingSeal } from "../../sdk/core/wire/encrypting-seal";
import { portableSeal } from "../../sdk/core/wire/reading-message";
import { MemoryState } from "../../sdk/storage/memory-state";
import { MemoryStore } from "../../sdk/storage/memory-store";
import type { StorePort } from "../../sdk/storage/store-port";
import { CredentialWorld, Member } from "./credential-world";
import { registry } from "./statement-world";

interface Timer {
  readonly atMs: number;
  readonly callback: () => void;
}

export interface CheckpointWorldOptions {
  /** What the home keeps its series in; it may change them. */
  readonly homeStore?: StorePort;
  readonly meterStore?: StorePort;
  /** Of the clocks at the start. */
  readonly isSet?: boolean;
  readonly protection?: "mac" | "encrypt";
}

export class CheckpointWorld extends CredentialWorld {
  readonly found: CheckpointFinding[] = [];
  readonly log: string[] = [];
  readonly homeStore: StorePort;
  readonly driver: UnitDriver;
  readonly device: Device;
  /** Nothing passes between the two. */
  #isCut = false;
  /** Told of each message and who it is for; what it says true to gets lost. */
  intercept: ((to: "home" | "meter", message: Uint8Array) => boolean) | undefined;
  #timers: Timer[] = [];
  readonly #wire: (() => void)[] = [];
  readonly #closings: (() => void)[] = [];
  #link: LinkEvents | undefined;
  #atHome: LinkPort | undefined;
  readonly #timerPort = {
    after: (ms: number, callback: () => void) => this.#timers[this.#timers.push({ atMs: this.monotonic + ms, callback }) - 1],
    cancel: (timer: unknown) => void (this.#timers = this.#timers.filter((one) => one !== timer)),
  };

  constructor(
    readonly fullCrypto: FullCrypto,
    { homeStore = new MemoryStore(4096), meterStore = new MemoryStore(4096), isSet = true, protection = "mac" }: CheckpointWorldOptions = {},
  ) {
    super(fullCrypto);
    this.isSet = isSet;
    this.homeStore = homeStore;
    const { clock } = this;
    const [home, meter] = [this.#party("home", { role: "gateway", parents: [] }), this.#party("meter", { parents: ["home"] }, protection)];
    const ports = (unit: string) => ({ clock, crypto: fullCrypto, log: (level: string, line: string) => void (level !== "info" && this.log.push(`${unit} ${level} ${line}`)), seal: encryptingSeal(fullCrypto, portableSeal(fullCrypto)) });
    const verifier = new StatementVerifier(home.store, clock, fullCrypto, new ReplayWindows(new MemoryState()), { unit: "home", above: [], registry });
    const signatory = new Signatory({ unit: "home", key: home.signingKey, crypto: fullCrypto, store: home.store, verifier, sequences: new SequenceReservation(new MemoryState()), registry });
    this.#closings.push(() => signatory.close());
    this.driver = new UnitDriver({ id: "home", registry, onCheckpoint: (finding) => this.found.push(finding) }, { ...ports("home"), store: homeStore, signatory }, this.#timerPort);
    const shared = { unit: this.driver.unit, party: home, ...ports("home") };
    this.driver.door = new Doorkeeper({ ...shared, sessions: new CertifiedSessions(shared) });
    this.driver.unit.setDefaultPolicy("customer", { sequence: 1, entries: [] });
    const connect = (events: LinkEvents) => this.#connect(events);
    this.device = openCheckpointedDevice({ ...ports("meter"), timers: this.#timerPort, service: "metering", party: meter, parent: "home", connect, store: meterStore, state: new MemoryState() });
  }

  #party(subject: string, claims: { role?: "gateway"; parents: string[] }, protection: "mac" | "encrypt" = "mac"): HandshakeParty {
    const { fullCrypto: crypto, clock } = this;
    const [member, agreementKey] = [new Member(crypto), crypto.generateKey("ecdh-p256")];
    const credential = parseCredential(this.operator.signs({ type: "unit", subject, key: member.key, agreementKey: crypto.publicKey(agreementKey), ...claims }), crypto) as UnitCredential;
    const store = new CertificateStore(crypto, clock, this.root);
    for (const { bytes } of [this.customer.credential, credential]) store.add(bytes);
    const delegation = store.add(this.customer.signs({ type: "delegation", subject, key: member.key })) as Delegation;
    this.#closings.push(() => {
      store.close();
      for (const key of [member.signing, agreementKey]) crypto.destroyKey(key);
    });
    return { crypto, store, registry, credential, signingKey: member.signing, agreementKey, delegations: [{ credential: delegation, key: member.signing }], protection };
  }

  #connect(events: LinkEvents): LinkPort {
    const link: LinkPort = { name: "to home", send: (message) => this.#carry(events, () => this.intercept?.("home", message) || this.driver.receive(this.#atHome!, message)), close: (reason) => this.#end(events, reason) };
    const back: LinkPort = { name: "to meter", send: (message) => this.#carry(events, () => this.intercept?.("meter", message) || events.message(message)), close: (reason) => this.#end(events, reason) };
    if (!this.#isCut) {
      this.#link = events;
      this.#atHome = back;
    }
    this.#wire.push(() => (this.#isCut ? events.down("cut") : events.up()));
    return link;
  }

  #carry(events: LinkEvents, deliver: () => unknown): boolean {
    if (this.#link !== events) return false;
    this.#wire.push(() => void (this.#link === events && deliver()));
    return true;
  }

  #end(events: LinkEvents, reason: string): void {
    if (this.#link !== events) return;
    this.driver.unit.linkLost(this.#atHome!);
    this.#link = this.#atHome = undefined;
    this.#wire.push(() => events.down(reason));
  }

  /** The way between the two is lost. */
  cut(): void {
    this.#isCut = true;
    if (this.#link) this.#end(this.#link, "cut");
  }

  mend(): void {
    this.#isCut = false;
  }

  /** The meter measures each ten seconds from now on, one more each time. */
  measure(): void {
    let count = 0;
    this.device.report("activeEnergyImport", { everyMs: 10_000, read: () => ++count });
  }

  /** Lets time pass. */
  pass(seconds: number): void {
    const endMs = this.monotonic + seconds * 1000;
    for (;;) {
      while (this.#wire.length) this.#wire.shift()!();
      const next = this.#timers.reduce<Timer | undefined>((first, one) => (!first || one.atMs < first.atMs ? one : first), undefined);
      const toMs = Math.min(next?.atMs ?? Infinity, endMs);
      if (toMs > this.monotonic) {
        this.nowMs += toMs - this.monotonic;
        this.monotonic = toMs;
      }
      if (!next || next.atMs > endMs) return;
      this.#timerPort.cancel(next);
      next.callback();
    }
  }

  /** How many samples the home has of a time, of the series that came first. */
  held(fromS: number, toS: number): number {
    let count = 0;
    this.homeStore.scan(0, fromS * 1000, toS * 1000, () => ++count > 0);
    return count;
  }

  override close(): void {
    this.device.close();
    this.driver.close();
    for (const close of this.#closings) close();
    super.close();
  }
}
