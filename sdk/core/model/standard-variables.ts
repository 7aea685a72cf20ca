/** The SDK's variables: the data of `variables.json` with their type. */
import { Registry, type VariableDefinition } from "./registry";
import data from "./variables.json";

export const standardVariables = Object.freeze(data) as Readonly<Record<string, VariableDefinition>>;

/** The registry of them, made once: where this module is preloaded it stands in flash. */
export const standardRegistry = new Registry(standardVariables);
