/** The seal port of a unit that encrypts: an addition to the one that authenticates, so that who does not encrypt carries nothing of it. */
import type { AeadPort, CryptoPort } from "../security/crypto-port";
import { aesCcm16With64And128, decrypt, encrypt, encryptContext, EncryptedEnvelope, looksEncrypted, parseEncrypted, startPlaintext } from "./encrypted-message";
import { isOpening } from "./opening";
import { unlessRefused, writeReading, type SealPort } from "./reading-message";
import { encodeScope } from "./session-message";
import { writeBody } from "./write-body";

/**
 * A seal port for sessions of either protection. Sessions that authenticate alone go on with `seal` itself, unchanged.
 * @param crypto a port whose keys `seal` knows too
 * @param seal the engine's own where it has one, else `portableSeal(crypto)`
 * @example
 * const crypto = new NodeCrypto();
 * const driver = new UnitDriver(config, { clock, crypto, store, log, seal: encryptingSeal(crypto, portableSeal(crypto)) }, nodeTimers);
 * driver.unit.addSession({ ...session, protection: "encrypt" }, secret);
 */
export function encryptingSeal(crypto: CryptoPort & AeadPort, seal: SealPort): SealPort {
  const parse: SealPort["parse"] = (message) => (looksEncrypted(message) ? unlessRefused(() => parseEncrypted(message)) : seal.parse(message));
  const encrypting: SealPort = {
    parse,
    deriveContext: (secret, salt, { kid, domain }, receiver) => {
      const info = encodeScope(domain, "session", receiver, aesCcm16With64And128);
      return encryptContext(crypto.deriveKey(secret, salt, info, "aes-ccm-64"), kid, domain, receiver);
    },
    readingSealer: (context, template) => (sequence, timeS, variable, value, offsetMs) => {
      startPlaintext();
      writeReading(template, sequence, timeS, variable, value, offsetMs);
      return encrypt(crypto, context, sequence);
    },
    seal: (context, body, names) => {
      startPlaintext();
      writeBody(body, names);
      return encrypt(crypto, context, body.sequence);
    },
    // Of what is authenticated alone, an encrypted session takes its openings and nothing else.
    verify: (context, envelope) => (envelope instanceof EncryptedEnvelope ? decrypt(crypto, context, envelope) : isOpening(envelope) && seal.verify(context, envelope)),
    read: seal.read,
  };
  return { ...seal, parse, encrypting };
}
