/** Who a unit is to an MQTT broker: its user name is its `mqttName`, its password is derived from the key of its session, so that it needs no second secret. */
import type { CryptoPort, KeyHandle } from "../core/security/crypto-port";
import type { SessionConfig } from "../core/security/session-config";
import { encodeCbor } from "../core/wire/cbor-value";

const passwordBytes = 32;

/**
 * The password of a session's initiator at the broker of its responder. It tells nothing of the session key, and whoever has only the password cannot make one
 * session message.
 * @param secret the provisioned key, with use "derive"
 * @returns 64 hexadecimal digits
 */
export function mqttPassword(crypto: CryptoPort, secret: KeyHandle, session: Pick<SessionConfig, "domain" | "initiator" | "responder">): string {
  const info = encodeCbor(["ebalance mqtt password", session.domain, session.initiator, session.responder]);
  const key = crypto.deriveKey(secret, new Uint8Array(0), info, "mac");
  const tag = new Uint8Array(passwordBytes);
  crypto.mac(key, info, info.length, tag);
  crypto.destroyKey(key);
  return Array.from(tag, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
