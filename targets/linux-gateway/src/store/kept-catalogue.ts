/** The catalogue of a store, in memory as it is on disk or about to be. It knows nothing of how its entries are written. */
import type { Catalogue, PolicyRecord, SeriesRecord } from "ebalance";
import { DamagedStore } from "./quarantine";
import type { CatalogueEntry } from "./records";

export class KeptCatalogue implements Catalogue {
  readonly #series: SeriesRecord[] = [];
  readonly #policies: (PolicyRecord | undefined)[] = [];

  /** @param write has an entry written; false where it cannot be */
  constructor(private readonly write: (entry: CatalogueEntry) => boolean) {}

  keepSeries(index: number, record: SeriesRecord): boolean {
    return this.#keep({ kind: "series", index, record });
  }

  keepPolicy(index: number, record: PolicyRecord): boolean {
    return this.#keep({ kind: "policy", index, record });
  }

  restore(): ReturnType<Catalogue["restore"]> {
    return { series: [...this.#series], policies: Array.from(this.#policies) };
  }

  /** Takes entries that were read from disk, the later in place of the earlier. @throws DamagedStore, and takes none, where the record of a series is missing */
  takeAll(entries: readonly CatalogueEntry[]): void {
    const series = new Set(entries.filter((entry) => entry.kind === "series").map((entry) => entry.index));
    for (let index = 0; index < series.size; index++) if (!series.has(index)) throw new DamagedStore(`the record of series ${index} is missing`);
    for (const entry of entries) this.#take(entry);
  }

  /** All that is kept. */
  entries(): CatalogueEntry[] {
    const entries: CatalogueEntry[] = this.#series.map((record, index) => ({ kind: "series", index, record }));
    this.#policies.forEach((record, index) => record && entries.push({ kind: "policy", index, record }));
    return entries;
  }

  #keep(entry: CatalogueEntry): boolean {
    if (!this.write(entry)) return false;
    this.#take(entry);
    return true;
  }

  #take({ kind, index, record }: CatalogueEntry): void {
    if (kind === "series") this.#series[index] = record;
    else this.#policies[index] = record;
  }
}
