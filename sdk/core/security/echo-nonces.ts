/**
 * What a receiver demands to be repeated in a request that it cannot tell from a replay: it shows that the request was signed after the demand. Nothing is kept for a demand: a nonce is a MAC, under a key
 * of this start, over whom it was given and when. It holds for one to two minutes. Once a request has come with it, the signer has a window, which refuses the request when it comes again.
 */
import type { ClockPort } from "../ports";
import { encodeCbor } from "../wire/cbor-value";
import { echoBytes } from "../wire/statement-body";
import type { CryptoPort, KeyHandle } from "./crypto-port";

const stretchMs = 60_000;

export class EchoNonces {
  readonly #key: KeyHandle;

  constructor(
    private readonly crypto: CryptoPort,
    private readonly clock: ClockPort,
  ) {
    const secret = new Uint8Array(32);
    crypto.random(secret);
    this.#key = crypto.importKey(secret, "mac");
    secret.fill(0);
  }

  /** @param generation of the replay windows: when one is given up, no nonce from before holds any more */
  make(signerId: Uint8Array, generation: number): Uint8Array {
    const nonce = new Uint8Array(echoBytes);
    const given = this.#given(signerId, generation, 0);
    this.crypto.mac(this.#key, given, given.length, nonce);
    return nonce;
  }

  holds(nonce: Uint8Array, signerId: Uint8Array, generation: number): boolean {
    return [0, 1].some((ago) => {
      const given = this.#given(signerId, generation, ago);
      return this.crypto.verifyMac(this.#key, given, given.length, nonce);
    });
  }

  close(): void {
    this.crypto.destroyKey(this.#key);
  }

  #given(signerId: Uint8Array, generation: number, ago: number): Uint8Array {
    return encodeCbor([signerId, generation, Math.floor(this.clock.monotonicMs() / stretchMs) - ago]);
  }
}
