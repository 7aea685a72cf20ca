/**
 * Who may sign which statement about what: deny by default. The rules are about credentials and bodies alone; whether the credential holds and the signature is right is the verifier's matter, and
 * what the policies of the series grant, that of access control.
 */
import { notTrusted } from "../model/errors";
import type { NameId } from "../model/names";
import { Right, type RightCode } from "../model/policy";
import { isRequest, StatementKind, type AnswerStatement, type DataStatement, type StatementBody } from "../wire/statement-body";
import type { CertificateStore } from "./certificate-store";
import { covers, type Credential, type Delegation } from "./credential";

/** A delegation for this service, with the right to write, lets its holder sign policies of the stakeholder's series; one for another service does not. */
export const policyService = "policy";

/** A series of a body, in its names. */
interface Named {
  readonly variable: number;
  readonly device: NameId;
}

/** @throws EbalanceError `not-trusted` naming what the signer may not say */
export function checkSigner(signer: Credential, body: StatementBody, store: CertificateStore): void {
  const isOwnKey = signer.type === "root" || signer.type === "stakeholder";
  if (signer.type === "delegation") checkDelegation(signer, body, store);
  else if (body.kind === StatementKind.policy && signer.type === "stakeholder") checkOwned(signer.subject, body.selector, body, store);
  else if (body.kind !== StatementKind.revocation || !isOwnKey) notTrusted(`a ${signer.type} signs no statement of kind ${body.kind}`);
}

function checkDelegation(delegation: Delegation, body: StatementBody, store: CertificateStore): void {
  const { issuer, service } = delegation;
  switch (body.kind) {
    case StatementKind.write:
      // Into whose series: there the policy of the owner decides, as it does about every write.
      for (const item of body.items) checkCovered(delegation, Right.write, item, body);
      return;
    case StatementKind.query:
    case StatementKind.event:
    case StatementKind.periodic:
      return checkCovered(delegation, Right.read, body.selector, body);
    case StatementKind.data:
    case StatementKind.answer:
      return checkData(delegation, body, store);
    case StatementKind.policy:
      if (service !== policyService) notTrusted(`a delegation for the service ${service} signs no policies: one for ${policyService} does`);
      checkCovered(delegation, Right.write, body.selector, body);
      return checkOwned(issuer, body.selector, body, store);
    case StatementKind.checkpoint:
      for (const series of body.series) {
        checkCovered(delegation, Right.write, series, body);
        checkDevice(issuer, body.names.text(series.device), store);
      }
      return;
    case StatementKind.revocation:
      return notTrusted("a delegation revokes nothing");
    default:
  }
}

/** Data of the stakeholder's own series. Most are of one: it is looked at once. */
function checkData(delegation: Delegation, body: DataStatement | AnswerStatement, store: CertificateStore): void {
  const lastMs = body.timeMs + 999;
  body.items.forEach((item, i) => {
    if (item.timeMs > lastMs) notTrusted(`an instance of ${item.timeMs} ms in a statement of ${body.timeMs} ms`);
    const previous = body.items[i - 1];
    if (previous?.variable === item.variable && previous.device === item.device && previous.owner === item.owner) return;
    checkCovered(delegation, Right.write, item, body);
    checkOwned(delegation.issuer, item, body, store);
  });
}

/** The variable 0 stands for all, which a delegation for some does not cover. */
function checkCovered(delegation: Delegation, right: RightCode, { variable, device }: Named, { names }: StatementBody): void {
  const series = { variable, device: names.text(device) };
  if (!covers(delegation, right, series)) notTrusted(`the delegation to ${delegation.subject} does not cover the right ${right} to variable ${variable} of ${series.device}`);
}

function checkOwned(stakeholder: string, { device, owner }: Named & { readonly owner: NameId }, body: StatementBody, store: CertificateStore): void {
  checkOwner(stakeholder, owner, body);
  checkDevice(stakeholder, body.names.text(device), store);
}

function checkOwner(stakeholder: string, owner: NameId, { names }: StatementBody): void {
  if (names.text(owner) !== stakeholder) notTrusted(`an instance or series of ${names.text(owner)} under a signature for ${stakeholder}`);
}

/** A device with a credential of its own belongs to whom that says. */
function checkDevice(stakeholder: string, device: string, store: CertificateStore): void {
  const owner = store.unit(device)?.owner;
  if (owner !== undefined && owner !== stakeholder) notTrusted(`the owner of ${device} is ${owner}, not ${stakeholder}`);
}

/** Requests, their answers and openings are for one unit: this one. All else is for the domain, or for what lies below a unit: this one or one above it. */
export function checkScope(body: StatementBody, unit: string, above: readonly string[]): void {
  const { scope } = body;
  const isForOne = isRequest(body) || body.kind === StatementKind.answer || body.kind === StatementKind.open;
  const isMeant = isForOne ? scope === unit : scope === undefined || scope === unit || above.includes(scope);
  if (!isMeant) notTrusted(`a statement for ${scope ?? "the whole domain"}, not for ${unit}`);
}
