/** What a gateway does under credentials in place of session key files. */
import { watch } from "node:fs";
import { basename } from "node:path";
import { certifiedConnector, CertifiedSessions, Doorkeeper, Resumption, type HandshakeParty, type LinkConnector, type LogPort, type UnitDriver } from "ebalance";
import { unitFiles } from "../credentials/file-names";
import type { UnitFolder } from "../credentials/unit-folder";
import type { FileState } from "../file-state";
import type { NodeCrypto } from "../node-crypto";
import { nodeTimers, systemClock } from "../node-ports";

/** How often it is looked whether a credential has expired, and whether there is a new revocation list. */
const lookMs = 60_000;

export interface CertifiedParts {
  readonly folder: UnitFolder;
  readonly state: FileState;
  readonly party: HandshakeParty;
  readonly driver: UnitDriver;
  readonly crypto: NodeCrypto;
  readonly log: LogPort;
}

export class Certified {
  readonly #sessions: CertifiedSessions;
  readonly #door: Doorkeeper;
  readonly #ends: (() => void)[] = [];
  #told = "";
  /** Sequence of the newest revocation list. */
  #newest: number;

  /** Resumes the sessions that were kept, and from then on takes in the units below and watches the revocation list. */
  constructor(private readonly parts: CertifiedParts) {
    const { folder, state, party, driver, crypto, log } = parts;
    const resumption = new Resumption({ state, crypto, wrapping: folder.key("wrap"), party, clock: systemClock, log });
    const shared = { unit: driver.unit, party, clock: systemClock, log };
    this.#sessions = new CertifiedSessions({ ...shared, resumption });
    this.#door = new Doorkeeper({ ...shared, sessions: this.#sessions });
    driver.door = this.#door;
    this.#newest = folder.takeRevocations()?.sequence ?? 0;
    this.#watch();
  }

  /** Links to a unit above, over which the session with it is agreed on where there is none to resume. */
  connector(connector: LinkConnector, parent: string): LinkConnector {
    const { driver, party, log } = this.parts;
    return certifiedConnector(connector, { unit: driver.unit, party, sessions: this.#sessions, parent, timers: nodeTimers, clock: systemClock, log });
  }

  close(): void {
    for (const end of this.#ends.splice(0)) end();
    this.#door.close();
  }

  /** At once where the system tells of it, else within a minute. */
  #watch(): void {
    const timer = setInterval(() => this.#look(), lookMs);
    this.#ends.push(() => clearInterval(timer));
    try {
      const watcher = watch(this.parts.folder.path, (_event, file) => file !== null && basename(file) === unitFiles.revocations && this.#look());
      watcher.on("error", () => watcher.close());
      this.#ends.push(() => watcher.close());
    } catch {
      // There are systems without: the minute is what counts.
    }
  }

  #look(): void {
    const { folder, log } = this.parts;
    try {
      const list = folder.takeRevocations();
      if (list && list.sequence > this.#newest) log("info", `revocation list ${list.sequence} counts: ${list.entries.map(({ subject, leastEpoch }) => `${subject} below epoch ${leastEpoch}`).join(", ")}`);
      this.#newest = list?.sequence ?? this.#newest;
      this.#told = "";
    } catch (error) {
      const { message } = error as Error;
      if (message !== this.#told) log("error", message);
      this.#told = message;
    }
    this.#sessions.review();
  }
}
