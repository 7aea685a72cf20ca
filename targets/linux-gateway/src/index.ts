/** `@ebalance/gateway`: ebalance on Linux with Node. Implements the ports of the SDK; knows nothing of what travels through them. */
export { NodeCrypto } from "./node-crypto";
export { nodeDevicePlatform, type NodeDeviceOptions } from "./node-device";
export { nodeTimers, stderrLog, systemClock } from "./node-ports";
export { readKeyFile, readSecretText } from "./read-key-file";
export { TcpServer, tcpConnector, tcpStreams, type TcpServerOptions } from "./tcp";
