/** Entry point `ebalance/encryption`: what firmware needs besides `ebalance/device` where sessions are encrypted, apart from it so that others do not carry it. */
export type { AeadPort } from "./core/security/crypto-port";
export { encryptingSeal } from "./core/wire/encrypting-seal";
