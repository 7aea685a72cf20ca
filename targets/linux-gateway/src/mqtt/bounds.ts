/** Bounds that every way over MQTT keeps; those of TCP where it has the same. */

/** Bytes that may wait for a slow peer; beyond that the link takes no more. */
export const maxQueuedBytes = 65_536;
/** Messages refused in a row after which a link is closed. */
export const maxRefusedInARow = 16;
/** Messages of one peer that are taken in a second. */
export const maxMessagesPerS = 1000;
/** Who has sent nothing authentic by then is closed. */
export const authenticateWithinMs = 10_000;
/** After this time of silence the operating system asks whether the peer is still there. */
export const tcpKeepAliveMs = 30_000;
/** A session message of 1024 bytes, its topic, and what MQTT puts around them. */
export const maxPacketBytes = 2048;
