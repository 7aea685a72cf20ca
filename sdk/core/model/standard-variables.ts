/** The SDK's variables: the data of `variables.json` with their type. */
import type { VariableDefinition } from "./registry";
import data from "./variables.json";

export const standardVariables = Object.freeze(data) as Readonly<Record<string, VariableDefinition>>;
