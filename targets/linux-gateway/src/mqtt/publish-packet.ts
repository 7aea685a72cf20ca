/**
 * PUBLISH packets for one topic. The broker writes those to its clients itself: each in one piece, and all of one turn in one system call, which halves what a reading
 * costs; aedes would take a turn of the event loop and a call for each.
 */

/** The kind of packet, and its QoS where that is 1. */
const publishKind = 0x30;
const qos1 = 0x02;

/** @returns a function that makes a packet of a message: with QoS 1 and the given id of 1 to 65535, or with QoS 0 for id 0 */
export function publishPackets(topic: string, protocolVersion: number): (message: Uint8Array, messageId: number) => Buffer {
  const topicBytes = Buffer.from(topic);
  // MQTT 5 has properties after the id: none.
  const properties = protocolVersion === 5 ? 1 : 0;
  return (message, messageId) => {
    const length = 2 + topicBytes.length + (messageId ? 2 : 0) + properties + message.length;
    const packet = Buffer.allocUnsafe(1 + digits(length) + length);
    let at = packet.writeUInt8(publishKind | (messageId ? qos1 : 0), 0);
    for (let rest = length; rest > 0 || at === 1; rest >>= 7) at = packet.writeUInt8((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0), at);
    at = packet.writeUInt16BE(topicBytes.length, at);
    at += topicBytes.copy(packet, at);
    if (messageId) at = packet.writeUInt16BE(messageId, at);
    if (properties) at = packet.writeUInt8(0, at);
    packet.set(message, at);
    return packet;
  };
}

/** Bytes of a length in digits of base 128; ours have at most three. */
function digits(length: number): number {
  return length < 0x80 ? 1 : length < 0x4000 ? 2 : 3;
}
