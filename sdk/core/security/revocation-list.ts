/** Revocation lists as statements: an issuer signs one, and whoever holds the issuer's credential takes it in. */
import { notTrusted } from "../model/errors";
import { Names } from "../model/names";
import { Registry } from "../model/registry";
import { bodyOfStatement, parseStatement, signatureOf, signedBytes, signStatement } from "../wire/statement";
import { StatementKind } from "../wire/statement-body";
import type { CertificateStore } from "./certificate-store";
import type { KeyHandle, PublicKeyPort } from "./crypto-port";
import type { RevocationList } from "./revocations";

/**
 * Signs a list for the whole domain of its issuer.
 * @param key of the issuer, a root or a stakeholder
 * @param timeMs when it is made, milliseconds since 1970
 * @throws EbalanceError `bad-argument` for no entry or more than 512, `too-large`
 * @example
 * store.takeRevocations(readRevocations(signRevocations(crypto, rootKey, { issuer: root, sequence: 1, entries: [{ subject: "meter", leastEpoch: 1 }] }, Date.now()), store));
 */
export function signRevocations(crypto: PublicKeyPort, key: KeyHandle, { issuer, sequence, entries }: RevocationList, timeMs: number): Uint8Array {
  const names = new Names();
  const epochs = entries.map(({ subject, leastEpoch }) => ({ subject: names.id(subject), leastEpoch }));
  return signStatement(crypto, key, issuer, issuer.domain, { kind: StatementKind.revocation, names, sequence, timeMs: Math.floor(timeMs / 1000) * 1000, epochs }, new Registry({}));
}

/**
 * Reads a list whose issuer is known to the store, and verifies it. Whether it counts, {@link CertificateStore.takeRevocations} says.
 * @throws EbalanceError `malformed`, `not-trusted`
 */
export function readRevocations(bytes: Uint8Array, store: CertificateStore): RevocationList {
  const statement = parseStatement(bytes);
  const issuer = store.find(statement.signerId) ?? notTrusted("the revocation list is signed by one that is not known here");
  if (issuer.key.use !== statement.use) notTrusted(`the revocation list is signed by another kind of key than that of ${issuer.subject}`);
  const body = bodyOfStatement(statement, issuer, new Registry({}));
  if (body.kind !== StatementKind.revocation || body.scope !== undefined) return notTrusted("the statement is no revocation list for the whole domain");
  const signed = signedBytes(statement, issuer, store.domain, body.scope);
  if (!store.verify(issuer, signed, signed.length, signatureOf(statement))) notTrusted(`the revocation list is not signed by ${issuer.subject}`);
  return { issuer, sequence: body.sequence, entries: body.epochs.map(({ subject, leastEpoch }) => ({ subject: body.names.text(subject), leastEpoch })) };
}
