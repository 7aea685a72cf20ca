/** A device with credentials in place of a session key file: it agrees on the session with its home by a handshake, and is otherwise a device as any other. */
import { CertifiedLeafUnit } from "../core/certified-leaf-unit";
import { CertifiedSessions } from "../core/group/certified-sessions";
import { EbalanceError } from "../core/model/errors";
import type { PolicyText } from "../core/model/policy";
import type { StatePort } from "../core/ports";
import type { HandshakeParty } from "../core/security/certified-handshake";
import type { Resumption } from "../core/security/resumption";
import { noStore } from "../storage/no-store";
import { certifiedConnector } from "./certified-connector";
import { configOf, Device, type DeviceOptions, type DevicePlatform } from "./device";
import { Driver } from "./driver";

/** What a platform offers to a device with credentials; the rest is as for one with a key file. */
export interface CertifiedDevicePlatform extends Omit<DevicePlatform, "keyFile"> {
  /** Who the device is. Its crypto port is the platform's. */
  readonly party: HandshakeParty;
  /** Id of the unit above, one of the parents in the device's credential. */
  readonly parent: string;
  /** The policy that the owner gives what the device measures. Left out: the one in force at its home. */
  readonly policy?: PolicyText | undefined;
  /** Where sessions are kept over a restart. Left out: nowhere, and each start takes a handshake. */
  readonly resumption?: Resumption | undefined;
  /** Where else state is kept over a restart: the sequences of what the device signs. Left out: it signs nothing but openings. */
  readonly state?: StatePort | undefined;
}

/**
 * Starts a device that has credentials.
 * @throws EbalanceError `bad-configuration` where no delegation lets it act for its owner as the platform's service
 * @example
 * openCertifiedDevice(platform).report("activePower", { everyMs: 1000, read: () => meter.powerW });
 */
export function openCertifiedDevice(platform: CertifiedDevicePlatform, options: DeviceOptions = {}): Device {
  return certifiedDevice(platform, options, CertifiedLeafUnit, (...made) => new Device(...made));
}

/** Wires a device and its unit together, whichever they are made by. */
export function certifiedDevice<Unit extends CertifiedLeafUnit, Made extends Device>(
  platform: CertifiedDevicePlatform,
  options: DeviceOptions,
  LeafUnit: new (...parts: ConstructorParameters<typeof CertifiedLeafUnit>) => Unit,
  make: (platform: CertifiedDevicePlatform, provision: ConstructorParameters<typeof Device>[1], driver: Driver<Unit>, config: ConstructorParameters<typeof Device>[3]) => Made,
): Made {
  const { clock, crypto, timers, log, store, seal, party, parent, resumption, policy, service, connect } = platform;
  const { credential, delegations } = party;
  const { subject: initiator, owner } = credential;
  const session = { kid: 0, initiator, responder: parent, owner, sources: delegations.map((one) => ({ device: initiator, service: one.credential.service, stakeholder: one.credential.issuer })) };
  if (!session.sources.some((source) => source.service === service && source.stakeholder === owner))
    throw new EbalanceError("bad-configuration", "caller", `no delegation lets ${initiator} act for its owner ${owner} as ${service}; see ebalance keys delegate`);
  const config = configOf(platform, session, options);
  const driver = new Driver({ clock, crypto, log, store: store ?? noStore, seal }, timers, (ports) => new LeafUnit(config, ports));
  const sessions = new CertifiedSessions({ unit: driver.unit, party, clock, log, resumption });
  const certified = { ...platform, connect: certifiedConnector(connect, { unit: driver.unit, party, sessions, parent, timers, clock, log }) };
  return make(certified, { session, ...(policy ? { policy } : {}) }, driver, config);
}
