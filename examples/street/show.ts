/** What the units tell of themselves, as the screen's events: it translates and keeps nothing but which alarms stand. */
import type { GatewayEvent } from "@ebalance/gateway";
import { Alarm, ControllerState } from "ebalance/der";
import type { DecidedInstance, Value } from "ebalance";
import { top } from "./grid";
import type { StreetEvents } from "./screen/events";

type Decided = Extract<GatewayEvent, { type: "decision" }>;
type Guarded = Extract<GatewayEvent, { type: "guard" }>;

const alarmNames: Readonly<Record<keyof typeof Alarm, string>> = {
  overVoltage: "over-voltage",
  underVoltage: "under-voltage",
  silent: "inverter silent",
  nonsense: "inverter answers nonsense",
  notObeyed: "set-point not obeyed",
  outOfLimits: "set-point out of limits",
  noGateway: "gateway gone",
};

export class Show {
  /** @param replayed ids of the devices that replay recorded series */
  constructor(
    private readonly screen: StreetEvents,
    engine: string,
    replayed: readonly string[],
  ) {
    const node = `Node ${process.versions.node}`;
    const xs = engine.startsWith("XS") ? "XS, ESP32-C3 memory" : node;
    screen.unit({ id: top, kind: "low-voltage unit", engine: node });
    screen.unit({ id: "home-1", parent: top, kind: "home", engine: node, transport: "MQTT" });
    screen.unit({ id: "sensor-1", parent: "home-1", kind: "sensor", engine: xs, transport: "TCP" });
    screen.unit({ id: "der-1", parent: "home-1", kind: "DER controller", engine: xs, transport: "TCP, inverter over Modbus" });
    screen.unit({ id: "home-2", parent: top, kind: "home", engine: node, transport: "MQTT" });
    screen.unit({ id: "meter-2", parent: "home-2", kind: "meter", engine: node, transport: "MQTT" });
    screen.unit({ id: "inverter-2", parent: "home-2", kind: "bridged inverter", transport: "Modbus" });
    for (const id of replayed) screen.unit({ id, parent: "home-2", kind: "recorded meter, in no total", engine: node, transport: "MQTT" });
  }

  heard(unit: string, event: GatewayEvent): void {
    switch (event.type) {
      case "session":
        // The unit above tells of its neighbours below.
        return event.peer === top ? undefined : this.screen.link(event.peer, event.open);
      case "flapping":
        this.screen.alarm({ unit: event.peer, name: "identity used twice", stands: true });
        return;
      case "checkpoint":
        return this.screen.alarm({ unit: event.device, name: "readings differ from its checkpoint", stands: event.differences.length > 0 });
      case "decision":
        return this.#decided(event);
      case "guard":
        return this.#guarded(event);
      case "counters": {
        const refused = Object.values(event.refused).reduce((sum, count) => sum + count, 0);
        return this.screen.counters(unit, { received: event.received, kept: event.instancesKept, refused });
      }
      case "ready":
        return this.screen.note(`${unit} keeps its series in ${event.store}${event.listening.map(({ kind, port }) => `, listens for ${kind} on port ${port}`).join("")}`);
    }
  }

  #decided(decision: Decided): void {
    const { by, operation, series, result, retryAfterMs, instances, timeMs } = decision;
    const measured = operation === "write" && result === "done" && by.device === series?.device;
    if (measured) return instances.forEach((instance) => this.#measured(instance));
    const first = instances[0];
    const detail = first ? `${String(first.value)} ${first.unitOfMeasure}`.trim() : retryAfterMs ? `${(retryAfterMs / 1000).toFixed(1)} s left` : "";
    const written = operation === "write" && instances.length > 1 ? instances.map(({ variable, value, unitOfMeasure }) => `${variable} ${String(value)} ${unitOfMeasure}`.trim()).join(", ") : detail;
    this.screen.asked({ by, what: decision.function ?? operation, target: series ? `${series.device} ${series.variable}` : "", result, detail: written, timeMs });
  }

  #measured({ device, variable, value, unitOfMeasure, timeMs }: DecidedInstance): void {
    if (variable === "alarms") return this.#alarms(device, value as number);
    if (variable === "controllerState") return this.#state(device, value);
    this.screen.reading({ unit: device, variable, value, unitOfMeasure, timeMs });
  }

  #alarms(device: string, bits: number): void {
    for (const [key, bit] of Object.entries(Alarm)) this.screen.alarm({ unit: device, name: alarmNames[key as keyof typeof Alarm], stands: (bits & bit) !== 0 });
  }

  /** A controller that is free has no set-point; which one it has otherwise the guard tells. */
  #state(device: string, state: Value): void {
    if (state === ControllerState.free) this.screen.setPoint(device, undefined);
    if (state === ControllerState.safe) this.screen.setPoint(device, "safe state: nobody renews its set-point");
    if (state === ControllerState.off) this.screen.setPoint(device, "switched off");
    if (state === ControllerState.fault) this.screen.setPoint(device, "fault: the inverter does not answer as it should");
  }

  #guarded({ device, kind, voltageV, limitShare, result }: Guarded): void {
    if (result !== "done") return this.screen.note(`voltage guard: set-point for ${device} not taken, ${result}`);
    if (kind === "release") return this.screen.note(`voltage guard: ${device} is released`);
    if (kind === "renew") return;
    this.screen.setPoint(device, `at most ${limitShare} %, by the voltage guard`);
    this.screen.note(`voltage guard: ${device} at most ${limitShare} %${voltageV === undefined ? "" : `, ${voltageV.toFixed(1)} V there`}`);
  }
}
