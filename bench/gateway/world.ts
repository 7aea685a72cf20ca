/** The grid of the bench: many units of one customer below a home, the operator's unit above it; with key files and configurations in a folder of their own. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PolicyText } from "../../sdk/core/model/policy";
import { keyFilesOf } from "../../targets/linux-gateway/src/gateway/plan";

export const home = "home";
export const top = "lv-unit";
export const owner = "customer";
export const service = "metering";
export const operator = { stakeholder: "operator", service: "grid" } as const;
/** What the customer grants; messages name it by its hash. */
export const policy: PolicyText = {
  sequence: 1,
  entries: [
    { rights: "read", minDelayS: 60, grantees: [{ stakeholder: "supplier", service: "billing" }] },
    { rights: "read", minDelayS: 0, grantees: [operator] },
  ],
};

export class World {
  readonly #folder = mkdtempSync(join(tmpdir(), "ebalance-bench-"));
  readonly devices: readonly string[];

  /** @param count units below the home */
  constructor(count: number) {
    this.devices = Array.from({ length: count }, (_, i) => `meter-${i + 1}`);
    const meters = Object.fromEntries(this.devices.map((id) => [id, { parent: home, owner, services: [service] }]));
    const units = { [top]: { owner: operator.stakeholder, services: [operator.service] }, [home]: { parent: top, owner }, ...meters };
    for (const { fileName, text } of keyFilesOf({ domain: "bench", units, services: [{ unit: top, service: "billing", stakeholder: "supplier" }] })) this.#write(fileName, text);
  }

  keyFileOf(unit: string): string {
    return join(this.#folder, `${unit}.key.json`);
  }

  /** The operator's unit, which listens over MQTT. @returns the path of its configuration */
  topConfig(): string {
    return this.#write("top.yaml", JSON.stringify({ unit: top, listen: [{ mqtt: {} }], units: [{ keyFile: this.keyFileOf(home) }] }));
  }

  /** The home, which listens over MQTT and keeps its series on disk. @returns the path of its configuration */
  homeConfig(topPort: number | undefined): string {
    const parent = topPort === undefined ? {} : { parent: { keyFile: this.keyFileOf(home), url: `mqtt://127.0.0.1:${topPort}` } };
    const units = this.devices.map((id) => ({ keyFile: this.keyFileOf(id) }));
    return this.#write("home.yaml", JSON.stringify({ unit: home, store: { folder: "store" }, listen: [{ mqtt: {} }], units, policies: { [owner]: policy }, ...parent }));
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #write(name: string, text: string): string {
    const path = join(this.#folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }
}
