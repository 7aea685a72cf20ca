/** What the vectors of credential-v1.json are made from: a street with a customer, a supplier, two units and a service with a key of its own. */
import type { ClaimsText, KeyText } from "./signed-file";

export const domain = "vectors.example";
/** 2026-09-21 12:12:14 UTC. */
export const issuedS = 1_789_992_734;
const yearS = 31_536_000;

/** Each key is the SHA-256 of "ebalance test key: " and its name. */
export const keyUses: Readonly<Record<string, KeyText["use"]>> = {
  operator: "es256",
  customer: "es256",
  supplier: "ed25519",
  home: "es256",
  "home agreement": "ecdh-p256",
  meter: "es256",
  "meter agreement": "ecdh-p256",
  forecasts: "es256",
};

export interface CredentialInput {
  readonly name: string;
  readonly about: string;
  readonly issuer: string;
  readonly claims: ClaimsText;
}

const head = { domain, issuedS, epoch: 1 };
const customer = { ...head, expiresS: issuedS + yearS };

export const credentialInputs: readonly CredentialInput[] = [
  { name: "root", about: "the operator's root, the trust anchor: signs itself, does not expire", issuer: "root", claims: { ...head, type: "root", subject: "operator", key: "operator" } },
  {
    name: "home",
    about: "a gateway, under which two units are reached",
    issuer: "root",
    claims: { ...head, type: "unit", subject: "home", key: "home", role: "gateway", owner: "customer", parents: ["lv-unit"], below: ["inverter", "meter"], agreementKey: "home agreement" },
  },
  {
    name: "meter",
    about: "a device that has been enrolled a second time, and expires",
    issuer: "root",
    claims: { ...customer, type: "unit", subject: "meter", key: "meter", epoch: 2, role: "device", owner: "customer", parents: ["home", "lv-unit"], below: [], agreementKey: "meter agreement" },
  },
  { name: "customer", about: "a stakeholder", issuer: "root", claims: { ...head, type: "stakeholder", subject: "customer", key: "customer" } },
  { name: "supplier", about: "a stakeholder whose key is one of Ed25519", issuer: "root", claims: { ...head, type: "stakeholder", subject: "supplier", key: "supplier" } },
  { name: "forecasts", about: "a service with a key of its own, signed by a stakeholder with Ed25519", issuer: "supplier", claims: { ...head, type: "service", subject: "forecasts", key: "forecasts" } },
  {
    name: "metering at home",
    about: "the customer lets the home act as its metering, for all of the customer's series",
    issuer: "customer",
    claims: { ...customer, type: "delegation", subject: "home", key: "home", service: "metering", rights: 3 },
  },
  {
    name: "metering at the meter",
    about: "the customer lets the meter act as its metering: read and write of two variables of its own",
    issuer: "customer",
    claims: { ...customer, type: "delegation", subject: "meter", key: "meter", service: "metering", rights: 3, devices: ["meter"], variables: [1, 3] },
  },
  {
    name: "billing at home",
    about: "the supplier lets the home read for its billing",
    issuer: "supplier",
    claims: { ...customer, type: "delegation", subject: "home", key: "home", service: "billing", rights: 1 },
  },
];
