/** The key file of the device that is measured, and its key. */
export const benchKey = (): Uint8Array => new Uint8Array(32).fill(7);

export const benchKeyFile = {
  type: "ebalance-session-key",
  version: 1,
  kid: 1,
  key: "07".repeat(32),
  domain: "bench",
  initiator: "sensor",
  responder: "home",
  owner: "customer",
  names: ["sensor", "home", "metering", "customer", "supplier", "billing", "grid", "operator"],
  sources: [
    { device: "sensor", service: "metering", stakeholder: "customer" },
    { device: "home", service: "billing", stakeholder: "supplier" },
    { device: "home", service: "grid", stakeholder: "operator" },
  ],
  policy: {
    sequence: 2,
    entries: [
      { rights: "read" as const, minDelayS: 60, grantees: [{ stakeholder: "supplier", service: "billing" }] },
      { rights: "read-write" as const, minDelayS: 0, grantees: [{ stakeholder: "operator", service: "grid" }] },
    ],
  },
};

/** What the owner had granted before. */
export const olderPolicy = { sequence: 1, entries: [{ rights: "read" as const, minDelayS: 900, grantees: [{ stakeholder: "supplier", service: "billing" }] }] };
