/** Instructions of what takes a key pair or encrypts, on the emulated chip: a line of JSON for each operation. */
import { createFullCrypto } from "../../targets/native/crypto/full-crypto";

const { instructions } = host as Required<Host>;
const crypto = createFullCrypto(host.crypto!, host.fullCrypto!);
const some = (size: number, fill: number) => new Uint8Array(size).fill(fill);
/** A message of this length is a reading with its names. */
const messageBytes = 60;
const tagBytes = 8;

function tell(operation: string, times: number, action: () => void): void {
  action();
  host.collect();
  const before = instructions();
  for (let i = 0; i < times; i++) action();
  host.print(JSON.stringify({ operation, instructions: Math.round((instructions() - before) / times) }));
}

const message = some(messageBytes, 1);
const signature = some(64, 0);
const signer = crypto.importPrivateKey(some(32, 5), "es256");
const verifier = crypto.importPublicKey(crypto.publicKey(signer), "es256");
tell("sign", 4, () => crypto.sign(signer, message, message.length, signature));
tell("verify", 4, () => {
  if (!crypto.verify(verifier, message, message.length, signature)) throw new Error("the signature is refused");
});

for (const use of ["ecdh-p256", "x25519"] as const) {
  const [own, peer] = [6, 7].map((fill) => crypto.importPrivateKey(some(32, fill), use));
  const point = crypto.publicKey(peer!);
  tell(use === "x25519" ? "agree_x25519" : "agree", 4, () => crypto.destroyKey(crypto.agree(own!, point)));
  crypto.destroyKey(own!);
  crypto.destroyKey(peer!);
}

const key = crypto.importKey(some(16, 1), "aes-ccm-64");
const [nonce, additional, sealed, opened] = [some(13, 2), some(40, 3), some(messageBytes + tagBytes, 0), some(messageBytes, 0)];
tell("encrypt", 32, () => crypto.encrypt(key, nonce, additional, message, message.length, sealed));
tell("decrypt", 32, () => {
  if (!crypto.decrypt(key, nonce, additional, sealed, sealed.length, opened)) throw new Error("the message is refused");
});
host.print(JSON.stringify({ memory: host.memory() }));
host.exit(0);
