/** Every conformance case, and how one is run. */
import type { FullCrypto } from "../../sdk/core/security/crypto-port";
import { portableSeal } from "../../sdk/core/wire/reading-message";
import { Dice, type Case, type Engine, type Platform } from "./case";
import { attackCases } from "./attack-cases";
import { dataInterfaceCases } from "./data-interface-cases";
import { bodyCases } from "./body-cases";
import { copyCases } from "./copy-cases";
import { credentialCases } from "./credential-cases";
import { cryptoCases } from "./crypto-cases";
import { encryptionCases } from "./encryption-cases";
import { derCases } from "./der-cases";
import { hostileCases } from "./hostile-cases";
import { routingCases } from "./routing-cases";
import { sealCases } from "./seal-cases";
import { statementCases } from "./statement-cases";
import { storageCases } from "./storage-cases";
import { streetAttackCases } from "./street-attack-cases";
import { wireCases } from "./wire-cases";
import { World } from "./world";

export const allCases: readonly Case[] = [...cryptoCases, ...credentialCases, ...wireCases, ...sealCases, ...encryptionCases, ...bodyCases, ...storageCases, ...routingCases, ...streetAttackCases, ...dataInterfaceCases, ...hostileCases, ...attackCases, ...copyCases, ...derCases, ...statementCases];

/** Runs one case. Nonces come from a seed, so that both engines must make the same bytes. */
export function runCase(one: Case, engine: Engine): unknown {
  const worlds: World[] = [];
  const dice = new Dice(1);
  const crypto = withRandom(engine.crypto, (out) => out.set(dice.bytes(out.length)));
  const seal = engine.seal ?? portableSeal(crypto);
  const open: Platform["open"] = (...options) => {
    const world = new World({ crypto, seal }, ...options);
    worlds.push(world);
    return world;
  };
  try {
    return one.run({ ...engine, crypto, seal, open });
  } finally {
    for (const world of worlds) world.close();
  }
}

/** Runs every case; `print` gets one line of JSON for each: its name, and its value or what went wrong. */
export function reportCases(engine: Engine, print: (line: string) => void): void {
  for (const one of allCases) {
    let line: { name: string; value?: unknown; error?: string };
    try {
      line = { name: one.name, value: runCase(one, engine) };
    } catch (error) {
      line = { name: one.name, error: `${(error as Error).message} ${(error as Error).stack}` };
    }
    print(JSON.stringify(line));
  }
}

/** What a port is besides its random source. */
const methods = [
  "importKey", "deriveKey", "destroyKey", "mac", "verifyMac", "sha256", "encrypt", "decrypt", "supports", "generateKey", "importPrivateKey", "publicKey", "importPublicKey", "sign", "verify", "agree",
  "wrap", "unwrap",
] as const satisfies readonly Exclude<keyof FullCrypto, "random">[];

function withRandom(crypto: FullCrypto, random: FullCrypto["random"]): FullCrypto {
  const seeded: Record<string, unknown> = { random };
  for (const name of methods) seeded[name] = (crypto[name] as () => unknown).bind(crypto);
  return seeded as unknown as FullCrypto;
}
