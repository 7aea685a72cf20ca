/** Every conformance case. */
import type { Case } from "./case";
import { dataInterfaceCases } from "./data-interface-cases";
import { wireCases } from "./wire-cases";

export const allCases: readonly Case[] = [...wireCases, ...dataInterfaceCases];
