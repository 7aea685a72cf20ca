/**
 * Judges a crypto port by Wycheproof vectors: portable, so that it runs where the port does. Each case is accepted or refused as its file says, or it is named as left out: with the reason
 * for which no profile of ours has it.
 */
import type { AeadUse, FullCrypto, KeyHandle, PrivateKeyUse, SignatureUse } from "../../sdk/core/security/crypto-port";

export interface Vector extends Readonly<Record<string, unknown>> {
  readonly tcId: number;
  readonly result: "valid" | "invalid" | "acceptable";
}

export interface VectorFile {
  readonly testGroups: readonly ({ readonly tests: readonly Vector[] } & Readonly<Record<string, unknown>>)[];
}

export interface Verdict {
  accepted: number;
  refused: number;
  /** Cases by the reason why they say nothing about us. */
  readonly leftOut: Record<string, number>;
  /** Numbers of the cases that were judged wrongly. Must be empty. */
  readonly wrong: number[];
}

/** Whether the port accepts a case, or why it is left out. */
type Judge = (port: FullCrypto, vector: Vector, group: Readonly<Record<string, unknown>>) => boolean | string;

export function bytesOf(hex: unknown): Uint8Array {
  const text = hex as string;
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

const same = (a: Uint8Array, b: Uint8Array) => a.length === b.length && a.every((byte, i) => byte === b[i]);

function withKey<T>(port: FullCrypto, key: KeyHandle, action: (key: KeyHandle) => T): T {
  try {
    return action(key);
  } finally {
    port.destroyKey(key);
  }
}

/** What the port says to be a wrong argument, as it documents, is refused; anything else that is thrown is a fault of the port, or of this judge. */
function accepts(action: () => boolean): boolean {
  try {
    return action();
  } catch (error) {
    if ((error as { code?: unknown }).code === "bad-argument") return false;
    throw error;
  }
}

const hmac: Judge = (port, { key, msg, tag }, { keySize, tagSize }) => {
  if ((keySize as number) < 128 || (keySize as number) > 512) return `keys of ${keySize as number} bits`;
  if ((tagSize as number) < 64) return `tags of ${tagSize as number} bits`;
  const [data, expected] = [bytesOf(msg), bytesOf(tag)];
  return withKey(port, port.importKey(bytesOf(key), "mac"), (handle) => {
    const made = new Uint8Array(expected.length);
    port.mac(handle, data, data.length, made);
    const verified = port.verifyMac(handle, data, data.length, expected);
    return verified && same(made, expected);
  });
};

/** The key that is derived shows itself by the tags that it makes, or the data that it decrypts: no port gives its bytes. */
const hkdf: Judge = (port, { ikm, salt, info, size, okm, result }) => {
  if (result === "invalid") return "lengths that cannot be asked for";
  const secret = bytesOf(ikm);
  if (secret.length < 16 || secret.length > 64) return `keys of ${8 * secret.length} bits`;
  if ((size as number) < 32) return `derived keys of ${8 * (size as number)} bits`;
  return withKey(port, port.importKey(secret, "derive"), (from) =>
    withKey(port, port.deriveKey(from, bytesOf(salt), bytesOf(info), "mac"), (derived) => withKey(port, port.importKey(bytesOf(okm).slice(0, 32), "mac"), (known) => sameKey(port, derived, known))),
  );
};

/** Whether two "mac" keys are the same. */
function sameKey(port: FullCrypto, a: KeyHandle, b: KeyHandle): boolean {
  const tag = new Uint8Array(32);
  port.mac(a, new Uint8Array(1), 1, tag);
  return port.verifyMac(b, new Uint8Array(1), 1, tag);
}

const aead = (useOf: (tagSize: number) => AeadUse | undefined, nonces: (size: number) => boolean): Judge => (port, { key, iv, aad, msg, ct, tag }, { keySize, ivSize, tagSize }) => {
  const use = useOf(tagSize as number);
  if (!use) return `tags of ${tagSize as number} bits`;
  if (keySize === 192) return "keys of 192 bits";
  // A nonce of a length that no algorithm has is refused by what is called, not left out.
  if (use === "aes-gcm" && !nonces(ivSize as number) && ivSize !== 0) return `nonces of ${ivSize as number} bits`;
  const [nonce, additional, plain, sealed] = [bytesOf(iv), bytesOf(aad), bytesOf(msg), bytesOf((ct as string) + (tag as string))];
  return accepts(() =>
    withKey(port, port.importKey(bytesOf(key), use), (handle) => {
      // Of nonces that are not valid there is neither text nor tag.
      const opened = new Uint8Array(Math.max(0, sealed.length - (tagSize as number) / 8));
      if (!port.decrypt(handle, nonce, additional, sealed, sealed.length, opened) || !same(opened, plain)) return false;
      const made = new Uint8Array(sealed.length);
      port.encrypt(handle, nonce, additional, plain, plain.length, made);
      return same(made, sealed);
    }),
  );
};

const signature = (use: SignatureUse, publicKeyOf: (group: Readonly<Record<string, unknown>>) => unknown): Judge => (port, { msg, sig }, group) => {
  if (!port.supports(use)) return `${use} on this platform`;
  const data = bytesOf(msg);
  return accepts(() => withKey(port, port.importPublicKey(bytesOf(publicKeyOf(group)), use), (key) => port.verify(key, data, data.length, bytesOf(sig))));
};

const agreement = (use: PrivateKeyUse): Judge => (port, { public: peer, private: own, shared, flags }) => {
  if (!port.supports(use)) return `${use} on this platform`;
  const point = bytesOf(peer);
  if (use === "ecdh-p256" && (flags as string[]).some((flag) => flag === "CompressedPoint" || flag === "CompressedPublic")) return "compressed points";
  const scalar = bytesOf(own);
  return accepts(() =>
    withKey(port, port.importPrivateKey(whole(scalar), use), (key) =>
      withKey(port, port.agree(key, point), (secret) => {
        const nothing = new Uint8Array(0);
        return withKey(port, port.deriveKey(secret, nothing, nothing, "mac"), (agreed) =>
          withKey(port, port.importKey(bytesOf(shared), "derive"), (known) => withKey(port, port.deriveKey(known, nothing, nothing, "mac"), (expected) => sameKey(port, agreed, expected))),
        );
      }),
    ),
  );
};

/** Scalars are written as integers: shorter, or with a zero before. */
function whole(scalar: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(32);
  const from = Math.max(0, scalar.length - 32);
  bytes.set(scalar.subarray(from), 32 - (scalar.length - from));
  return bytes;
}

const publicKeyOf = (field: string) => (group: Readonly<Record<string, unknown>>) => (group["publicKey"] as Record<string, unknown>)[field];

/** The files whose algorithm we have. */
export const judges: Readonly<Record<string, Judge>> = {
  hmac_sha256_test: hmac,
  hkdf_sha256_test: hkdf,
  aes_ccm_test: aead((bits) => (bits === 64 ? "aes-ccm-64" : bits === 128 ? "aes-ccm-128" : undefined), () => true),
  aes_gcm_test: aead((bits) => (bits === 128 ? "aes-gcm" : undefined), (bits) => bits === 96),
  chacha20_poly1305_test: aead((bits) => (bits === 128 ? "chacha20-poly1305" : undefined), () => true),
  ecdsa_secp256r1_sha256_p1363_test: signature("es256", publicKeyOf("uncompressed")),
  ed25519_test: signature("ed25519", publicKeyOf("pk")),
  ecdh_secp256r1_ecpoint_test: agreement("ecdh-p256"),
  x25519_test: agreement("x25519"),
};

/** What may be accepted or not must not be where the shared secret is known to all. */
function mayBe({ result, flags }: Vector, accepted: boolean): boolean {
  if (result !== "acceptable") return accepted === (result === "valid");
  return !accepted || !(flags as string[]).some((flag) => flag === "ZeroSharedSecret" || flag === "LowOrderPublic");
}

export function judge(name: string, file: VectorFile, port: FullCrypto): Verdict {
  const verdict: Verdict = { accepted: 0, refused: 0, leftOut: {}, wrong: [] };
  for (const group of file.testGroups) {
    for (const vector of group.tests) {
      const outcome = judges[name]!(port, vector, group);
      if (typeof outcome === "string") verdict.leftOut[outcome] = (verdict.leftOut[outcome] ?? 0) + 1;
      else if (!mayBe(vector, outcome)) verdict.wrong.push(vector.tcId);
      else if (outcome) verdict.accepted++;
      else verdict.refused++;
    }
  }
  return verdict;
}
