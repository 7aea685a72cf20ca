// SPDX-License-Identifier: Apache-2.0
// Whether the test host can be built here; tests that need it are skipped by
// name where it cannot, and the reason is printed.
import { buildHost } from "./build.mjs";
import type { HostBuild } from "./build.mjs";

async function tryBuild(): Promise<{ host?: HostBuild; reason: string }> {
  try {
    return { host: await buildHost(), reason: "" };
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    // What does not compile is a defect of ours, and no reason to leave tests out.
    if (code !== "no-compiler" && code !== "engine-unavailable") throw error;
    return { reason: message };
  }
}

const { host, reason } = await tryBuild();

/** The built host, or undefined. */
export const xsHost = host;

/** Why there is no host, or "". */
export const noHostReason = reason;

/** Why there is no native cryptography, or "". */
export const noCryptoReason = reason || (host?.crypto === "psa" ? "" : (host?.notes.join("; ") ?? ""));

if (noHostReason) console.warn(`XS tests skipped: ${noHostReason}`);
else if (noCryptoReason) console.warn(`native crypto tests skipped: ${noCryptoReason}`);
