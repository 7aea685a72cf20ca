/** The bounds of a state record, the same on every platform. */
import { badArgument } from "../core/model/errors";
import type { StateName } from "../core/ports";

/** Most bytes of a record: a device has less room, and says so by keeping nothing. */
export const maxStateBytes = 65_536;
const maxNameLength = 16;

/** @throws EbalanceError `bad-argument` for what is no name of a record, which could be the path of another file, or more than 64 kB */
export function checkState(name: StateName, bytes: Uint8Array): void {
  if (name.length > maxNameLength || !/^[a-z]+(-\d+)?$/.test(name)) badArgument(`state ${JSON.stringify(name)}: a name is letters a to z, or those with a hyphen and a number`);
  if (bytes.length > maxStateBytes) badArgument(`state ${name}: ${bytes.length} bytes, at most ${maxStateBytes} are kept`);
}
