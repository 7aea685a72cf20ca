/** The keys of one certified handshake: what is derived from the agreed secret, and what it authenticates. See handshake.cddl. */
import { encodeCbor } from "../wire/cbor-value";
import { handshakeTagBytes } from "../wire/handshake-message";
import { wireVersion } from "../wire/session-message";
import type { CryptoPort, KeyHandle } from "./crypto-port";

/** What both ends have said before there were keys. */
export interface Greetings {
  readonly domain: string;
  /** Ids of the units. */
  readonly self: string;
  readonly peer: string;
  /** Nonces of hello and answer, in this order. */
  readonly nonces: Uint8Array;
  /** `th` of handshake.cddl. */
  readonly transcript: Uint8Array;
}

export class HandshakeKeys {
  readonly #keys: KeyHandle[] = [];

  /** @param agreed the agreed secret, which is this object's from here on */
  constructor(
    private readonly crypto: CryptoPort,
    private readonly agreed: KeyHandle,
    private readonly greetings: Greetings,
  ) {
    try {
      for (const receiver of [greetings.peer, greetings.self]) this.#keys.push(crypto.deriveKey(agreed, greetings.nonces, this.#info("handshake", receiver, greetings.transcript), "mac"));
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #info(...parts: (string | Uint8Array)[]): Uint8Array {
    return encodeCbor(["ebalance", wireVersion, this.greetings.domain, ...parts]);
  }

  /** The tag of a message of this end. */
  tag(transcript: Uint8Array, covered: Uint8Array): Uint8Array {
    const tag = new Uint8Array(handshakeTagBytes);
    const data = concat(transcript, covered);
    this.crypto.mac(this.#keys[0]!, data, data.length, tag);
    return tag;
  }

  /** Whether the other end has made a tag. */
  isRight(transcript: Uint8Array, covered: Uint8Array, tag: Uint8Array): boolean {
    const data = concat(transcript, covered);
    return this.crypto.verifyMac(this.#keys[1]!, data, data.length, tag);
  }

  /** The secret of the session, which the caller destroys. */
  secret(transcript: Uint8Array): KeyHandle {
    return this.crypto.deriveKey(this.agreed, this.greetings.nonces, this.#info("session", transcript), "derive");
  }

  close(): void {
    this.crypto.destroyKey(this.agreed);
    for (const key of this.#keys.splice(0)) this.crypto.destroyKey(key);
  }
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function sha256(crypto: CryptoPort, ...parts: readonly Uint8Array[]): Uint8Array {
  const data = concat(...parts);
  const hash = new Uint8Array(32);
  crypto.sha256(data, data.length, hash);
  return hash;
}
