/** The folder of a unit together with the state that it keeps over a restart. */
import { join } from "node:path";
import type { LogPort } from "ebalance";
import { FileState } from "../file-state";
import type { NodeCrypto } from "../node-crypto";
import { systemClock } from "../node-ports";
import { UnitFolder } from "./unit-folder";

export interface OpenUnitFolderOptions {
  readonly crypto: NodeCrypto;
  readonly log: LogPort;
  /** Default: `state` in the folder. */
  readonly stateFolder?: string | undefined;
}

/** @throws EbalanceError `bad-configuration` as {@link UnitFolder} does; then no folder for state is made */
export function openUnitFolder(path: string, unit: string, { crypto, log, stateFolder = join(path, "state") }: OpenUnitFolderOptions): { readonly folder: UnitFolder; readonly state: FileState } {
  let state: FileState | undefined;
  const folder = new UnitFolder(path, unit, { crypto, clock: systemClock, openState: () => (state = new FileState(stateFolder, log)) });
  return { folder, state: state! };
}
