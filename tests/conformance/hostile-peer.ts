/** A peer that holds the keys of a session and says whatever it likes under them. */
import type { CryptoPort, KeyHandle } from "../../sdk/core/security/crypto-port";
import * as cbor from "../../sdk/core/wire/cbor";
import { decodeCbor, encodeCbor, type CborValue } from "../../sdk/core/wire/cbor-value";
import { macContext, parseEnvelope, payloadOf, seal, startPayload, wireVersion, type MacContext } from "../../sdk/core/wire/session-message";
import type { LinkPort } from "../../sdk/core/ports";
import { domain, type World } from "./world";

export class HostilePeer implements LinkPort {
  readonly name = "hostile";
  /** The newest message that it sent. */
  lastSaid: Uint8Array | undefined;
  readonly #heard: Uint8Array[] = [];
  readonly #send: MacContext;
  readonly #secret: KeyHandle;

  /** Opens the session with this kid, and says that it is alive (sequence 1), in place of the unit it belongs to; the provisioned key is that of the world. */
  constructor(
    private readonly world: World,
    private readonly crypto: CryptoPort,
    kid: number,
  ) {
    this.#secret = crypto.importKey(new Uint8Array(32).fill(kid), "derive");
    const openKey = this.#derive(new Uint8Array(0), "open", "");
    const nonce = new Uint8Array(16).fill(9);
    this.#sendUnder(macContext(openKey, kid, domain, "home", "open"), encodeCbor(new Map<number, CborValue>([[1, 16], [13, nonce]])));
    const answer = decodeCbor(payloadOf(parseEnvelope(this.#heard[0]!))) as Map<number, Uint8Array>;
    const salt = new Uint8Array(32);
    salt.set(nonce);
    salt.set(answer.get(13)!, 16);
    this.#send = macContext(this.#derive(salt, "session", "home"), kid, domain, "home", "session");
    crypto.destroyKey(openKey);
    this.say(encodeCbor(new Map([[1, 6], [3, 1]])));
  }

  /** The home's answers come in here. */
  send(message: Uint8Array): boolean {
    this.#heard.push(message);
    return true;
  }

  /** Says a payload under the session's key. @returns the bodies that the home answered with */
  say(payload: Uint8Array): Map<number, CborValue>[] {
    this.#heard.length = 0;
    this.#sendUnder(this.#send, payload);
    return this.#heard.map((message) => decodeCbor(payloadOf(parseEnvelope(message))) as Map<number, CborValue>);
  }

  close(): void {
    this.crypto.destroyKey(this.#send.key);
    this.crypto.destroyKey(this.#secret);
  }

  #sendUnder(context: MacContext, payload: Uint8Array): void {
    startPayload();
    cbor.writeRaw(payload);
    this.lastSaid = seal(this.crypto, context);
    this.world.home.receive(this, this.lastSaid);
  }

  #derive(salt: Uint8Array, kind: string, receiver: string): KeyHandle {
    return this.crypto.deriveKey(this.#secret, salt, encodeCbor(["ebalance", wireVersion, domain, kind, receiver]), "mac");
  }
}
