/** Key bytes on their way into the crypto port. */
import type { CryptoPort, KeyHandle, KeyUse, PrivateKeyUse, PublicKeyPort } from "./crypto-port";

const redacted = "[secret]";

/**
 * Key bytes that nothing gives back: printed, logged or turned into JSON they read `[secret]`, and a crypto port is the only place they can go.
 * @example
 * const { session, key } = readKeyFile("meter.key.json");
 * unit.addSession(session, key.importInto(crypto, "derive"));
 * key.wipe();
 */
export class Secret {
  #bytes: Uint8Array;

  /** Moves the bytes in: what was handed in is overwritten. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes.slice();
    bytes.fill(0);
  }

  /** @throws EbalanceError `bad-argument` where there are not as many bytes as the use takes, or where they have been wiped */
  importInto(crypto: CryptoPort, use: KeyUse): KeyHandle {
    return crypto.importKey(this.#bytes, use);
  }

  /** The same for a private key. @throws EbalanceError `bad-argument` where it is none, or has been wiped */
  importPrivateInto(crypto: PublicKeyPort, use: PrivateKeyUse): KeyHandle {
    return crypto.importPrivateKey(this.#bytes, use);
  }

  /** Overwrites the bytes; they cannot be imported any more. May be called twice. */
  wipe(): void {
    this.#bytes.fill(0);
    this.#bytes = new Uint8Array(0);
  }

  toString(): string {
    return redacted;
  }

  toJSON(): string {
    return redacted;
  }

  /** What console.log and error reports of Node show. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return redacted;
  }
}
