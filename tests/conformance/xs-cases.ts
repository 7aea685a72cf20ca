/** The conformance cases as one module. With native cryptography XS preloads it: it stands in flash then, as on a device. */
export { NobleFullCrypto } from "../../sdk/core/security/noble-full-crypto";
export { createFullCrypto } from "../../targets/native/crypto/full-crypto";
export { createNativeFlash } from "../../targets/native/flash/flash";
export { createNativeSamples } from "../../targets/native/samples/samples";
export { createNativeSeal } from "../../targets/native/seal/seal";
export { reportCases } from "./all-cases";
