// SPDX-License-Identifier: Apache-2.0
// The test host as the platform of a device with credentials: what `ebalance:certified-platform` is for an example that runs on XS.
// Arguments of the script: CREDENTIALSFILE PORT SERVICE, and what the example itself asks for. With `--flash` it keeps what it measures and its sessions.
import { certifiedPlatform, flashPart, FlashState, RingStore } from "ebalance/certified";
import { createFullCrypto } from "../native/crypto/full-crypto";
import { createNativeFlash } from "../native/flash/flash";
import { createNativeSamples } from "../native/samples/samples";
import { platform as ofKeyFile } from "./device-platform";

/** Sectors of the flash that hold state; the others hold samples. */
const stateSectors = 4;

const { crypto: nativeCrypto, fullCrypto } = host;
if (!nativeCrypto || !fullCrypto) throw new Error("this host was built without cryptography");
const crypto = createFullCrypto(nativeCrypto, fullCrypto);
const flash = createNativeFlash(host.flash);

function kept(flash: NonNullable<ReturnType<typeof createNativeFlash>>) {
  const ringSectors = flash.sectorCount - stateSectors;
  return { store: new RingStore(flashPart(flash, 0, ringSectors), createNativeSamples(host.samples)), state: new FlashState(flashPart(flash, ringSectors, stateSectors), ofKeyFile.log) };
}

const { store, state } = flash ? kept(flash) : {};

export const platform = { ...ofKeyFile, ...certifiedPlatform({ ...ofKeyFile, ...(store ? { store } : {}) }, { crypto, state }) };
