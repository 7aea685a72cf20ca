/** What the benchmarks of a device preload: the SDK for devices, and of its inside what a parent in the same machine needs. */
export * from "../../sdk/device";
export { DataInterface } from "../../sdk/client/data-interface";
export { Names } from "../../sdk/core/model/names";
export { standardRegistry } from "../../sdk/core/model/standard-variables";
export { Session } from "../../sdk/core/security/session";
export { parseEnvelope } from "../../sdk/core/wire/session-message";
export { MemoryStore } from "../../sdk/storage/memory-store";
export { createNativeCrypto } from "../../targets/native/crypto/crypto";
export { createNativeSeal } from "../../targets/native/seal/seal";
export { createNativeFlash } from "../../targets/native/flash/flash";
export { createNativeSamples } from "../../targets/native/samples/samples";
export { createNativeSerial } from "../../targets/native/serial/serial";
export { AccessControl, type Requester } from "../../sdk/core/access/access-control";
export { SeriesTable, type Series } from "../../sdk/core/access/series-table";
export { granteeId, type NameId } from "../../sdk/core/model/names";
export { policyFromText, Right, type Policy } from "../../sdk/core/model/policy";
export { Result, type ResultCode } from "../../sdk/core/model/result";
