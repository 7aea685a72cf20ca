/** Where things are in the folder of a grid, and in that of a unit. */
import { join } from "node:path";
import { mqttName } from "ebalance";

/** In the folder of a unit. */
export const unitFiles = Object.freeze({ keys: "unit.key.json", credential: "unit.cwt", root: "root.cwt", revocations: "revocations.cbor", policy: "policy.json", provision: "credentials.json" } as const);

/** Where the credential of something is, and its private keys. */
export interface Files {
  readonly keys: string;
  readonly credential: string;
}

export const rootFiles = Object.freeze({ keys: join("root", "root.key.json"), credential: join("root", "root.cwt"), revocations: join("root", "revocations.cbor") } as const);

/** In the folder of a stakeholder. */
export const stakeholderNames = Object.freeze({ keys: "stakeholder.key.json", credential: "stakeholder.cwt" } as const);

export function stakeholderFolder(name: string): string {
  return join("stakeholders", fileName(name));
}

export function stakeholderFiles(name: string): Files {
  return { keys: join(stakeholderFolder(name), stakeholderNames.keys), credential: join(stakeholderFolder(name), stakeholderNames.credential) };
}

/** @param stakeholder who certifies it; undefined: the operator */
export function serviceFiles(name: string, stakeholder: string | undefined): Files {
  const folder = join("services", `${stakeholder === undefined ? "" : fileName(stakeholder)}+${fileName(name)}`);
  return { keys: join(folder, "service.key.json"), credential: join(folder, "service.cwt") };
}

export function unitFolder(unit: string): string {
  return join("units", fileName(unit));
}

export function filesOfUnit(unit: string): Files {
  return { keys: join(unitFolder(unit), unitFiles.keys), credential: join(unitFolder(unit), unitFiles.credential) };
}

export const delegationEnd = ".delegation.cwt";

export function delegationFile(stakeholder: string, service: string): string {
  return `${fileName(stakeholder)}+${fileName(service)}${delegationEnd}`;
}

export const stakeholderEnd = ".stakeholder.cwt";

export function stakeholderCopy(stakeholder: string): string {
  return `${fileName(stakeholder)}${stakeholderEnd}`;
}

export const neighbourEnd = ".unit.cwt";

/** The credential of a neighbour. */
export function unitCopy(unit: string): string {
  return `${fileName(unit)}${neighbourEnd}`;
}

/** A name as part of a file's name: as in MQTT topics, so that it leads to no other folder and holds no `+`; and none that is hidden or means the folder itself. */
function fileName(name: string): string {
  return mqttName(name).replace(/^\./, "%2E");
}
