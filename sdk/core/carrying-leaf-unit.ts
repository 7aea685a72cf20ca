/** A device with a credential that sends statements of its own to its home, as checkpoints are. It takes none of others. */
import { CertifiedLeafUnit } from "./certified-leaf-unit";
import type { Series } from "./access/series-table";
import { Result, type ResultCode } from "./model/result";
import type { Neighbour } from "./neighbour";
import type { LinkPort, UnitPorts } from "./ports";
import type { Received } from "./security/session";
import type { UnitConfig } from "./unit-config";
import { carryOperation, sendingSeal } from "./wire/carry-body";
import { portableSeal } from "./wire/reading-message";
import { Operation } from "./wire/session-body";

export class CarryingLeafUnit extends CertifiedLeafUnit {
  /** The one that is under way. */
  #sent: { readonly sequence: number; readonly take: (result: ResultCode) => void } | undefined;

  constructor(config: UnitConfig, ports: UnitPorts) {
    super(config, { ...ports, seal: sendingSeal(ports.seal ?? portableSeal(ports.crypto), ports.crypto) });
  }

  /** What this unit keeps of its own device, by variable. */
  ownSeries(): Series[] {
    return this.series.all().filter(({ device }) => device === this.self).sort((a, b) => a.variable - b.variable);
  }

  /**
   * Sends a statement to the unit above; the one before is waited for no more.
   * @param take told its outcome, or that the link was lost; nothing where no answer comes
   * @returns `done` where it was sent
   */
  carry(statement: Uint8Array, take: (result: ResultCode) => void): ResultCode {
    const home = this.neighbours.withId(this.parent);
    if (!home?.link || !home.session.isOpen) return Result.linkLost;
    const sequence = home.session.nextSequence;
    if (!home.send({ op: carryOperation, statement })) return Result.busy;
    this.#sent = { sequence, take };
    return Result.done;
  }

  protected override take(received: Received, neighbour: Neighbour, link: LinkPort): boolean {
    const taken = super.take(received, neighbour, link);
    if (taken && received.kind === "body" && received.body.op === Operation.notify && received.body.id === this.#sent?.sequence) this.#answered(received.body.result);
    return taken;
  }

  protected override tellLost(neighbour: Neighbour): void {
    super.tellLost(neighbour);
    this.#answered(Result.linkLost);
  }

  #answered(result: ResultCode): void {
    const sent = this.#sent;
    this.#sent = undefined;
    sent?.take(result);
  }
}
