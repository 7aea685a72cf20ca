/** Entry point `ebalance/device`: what firmware needs and nothing else. */
export { Device, openDevice, type DeviceOptions, type DevicePlatform, type ReportOptions } from "./client/device";
export type { DeviceAccess, Following, ProgramPorts, Written } from "./client/device-access";
export type { TimerHandle, TimerPort } from "./client/driver";
export { EbalanceError, type ErrorCode, type Fault } from "./core/model/errors";
export { utf8Text } from "./core/model/utf8";
export { Registry, type Value, type VariableDefinition } from "./core/model/registry";
export type { ClockPort, LinkConnector, LinkEvents, LinkPort, LogLevel, LogPort } from "./core/ports";
export type { CryptoPort, KeyHandle, KeyUse } from "./core/security/crypto-port";
export type { SealPort } from "./core/wire/reading-message";
export type { FlashPort } from "./storage/flash-port";
export { RingStore } from "./storage/ring/ring-store";
export type { SamplePort } from "./storage/ring/sample-port";
export type { StorePort } from "./storage/store-port";
export { overSerial, type SerialConnector, type SerialLine } from "./transports/serial-link";
export { overStreams, type ByteStream, type StreamConnector } from "./transports/stream-link";
