/**
 * Entry point `ebalance/certified`: what firmware with credentials needs in place of `ebalance/device`, whose exports it has too: one bundle of both, so that nothing is there twice, and who
 * has a key file carries nothing of it.
 */
export * from "./device";
export { openCertifiedDevice, type CertifiedDevicePlatform } from "./client/certified-device";
export { certifiedPlatform, type CertifiedPorts } from "./client/certified-platform";
export { openCheckpointedDevice, type CheckpointOptions } from "./client/checkpointed-device";
export type { StateName, StatePort } from "./core/ports";
export { parseCredentialsFile, type CredentialsFile } from "./core/security/credentials-file";
export type { FullCrypto } from "./core/security/crypto-port";
export { FlashState } from "./storage/flash-state";
export { flashPart } from "./storage/flash-part";
