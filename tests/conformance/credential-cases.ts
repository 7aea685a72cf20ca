/** Credentials: every engine reads the same, and trusts and refuses the same. */
import { CertificateStore } from "../../sdk/core/security/certificate-store";
import { covers, issuerOf, parseCredential, type Delegation } from "../../sdk/core/security/credential";
import { expectEqual, expectError, toHex, type Case } from "./case";
import { issuedS, Member } from "./credential-world";

const clock = { wallMs: () => (issuedS + 60) * 1000, monotonicMs: () => 0, isSet: () => true };

/** The code of the error with which bytes are refused, or that another credential is read from them: what the message says depends on keys and signatures, which are random. */
function outcomeOf(read: () => unknown): string {
  try {
    read();
    return "another";
  } catch (error) {
    return (error as { readonly code: string }).code;
  }
}

export const credentialCases: Case[] = [
  {
    name: "SP-1 a credential is read as it was made, and trusted if its chain leads to the root; one that was changed or cut off, or is by one who may not, is refused",
    run({ crypto }) {
      const operator = new Member(crypto);
      const customer = new Member(crypto);
      const agreementKey = customer.key.bytes;
      operator.credential = parseCredential(operator.signs({ type: "root", subject: "operator" }, { use: "es256", name: "operator" }), crypto);
      const store = new CertificateStore(crypto, clock, operator.credential.bytes, { maxCredentials: 3 });
      customer.credential = store.add(operator.signs({ type: "stakeholder", subject: "customer", key: customer.key }));
      const bytes = customer.signs({ type: "delegation", subject: "zähler", rights: 1, devices: ["zähler"], variables: [5], key: operator.key });
      const delegation = store.add(bytes) as Delegation;
      const { id, hash, bytes: kept, key, issuerId, ...claims } = delegation;
      expectEqual([toHex(kept), toHex(key.bytes), toHex(issuerId), toHex(hash.slice(0, 8))], [toHex(bytes), toHex(operator.key.bytes), toHex(customer.credential.id), toHex(id)], "bytes");
      expectEqual([covers(delegation, 1, { device: "zähler", variable: 5 }), covers(delegation, 2, { device: "zähler", variable: 5 }), store.refusal(delegation) === undefined], [true, false, true], "covers");
      const outcomes: string[] = [];
      for (let i = 0; i < bytes.length - 64; i++) {
        expectError(() => parseCredential(bytes.subarray(0, i), crypto), "malformed");
        const changed = bytes.slice();
        changed[i] = changed[i]! ^ 1;
        outcomes.push(outcomeOf(() => parseCredential(changed, crypto)));
      }
      const refused = [
        customer.signs({ type: "unit", subject: "zähler", agreementKey }),
        operator.signs({ type: "stakeholder", subject: "other", domain: "oak-street" }),
        operator.signs({ type: "stakeholder", subject: "other" }, issuerOf(customer.credential)),
        operator.signs({ type: "delegation", subject: "zähler", service: "billing" }, issuerOf(customer.credential)),
      ].map((other) => expectError(() => store.add(other), "not-trusted"));
      store.close();
      for (const { signing } of [operator, customer]) crypto.destroyKey(signing);
      return [claims, outcomes, refused];
    },
  },
];
