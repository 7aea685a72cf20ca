/** The configuration of a gateway: one YAML file, checked whole before anything starts. Secrets are in files of their own. */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { EbalanceError, standardVariables } from "ebalance";
import { parseDocument } from "yaml";
import { z } from "zod";
import { defaultBaudRate, leastBaudRate, mostBaudRate } from "../serial";
import type { GatewayConfig } from "./configuration";
import { name, policyText, port } from "./forms";
import { issuesOf } from "./issues";

const path = z.string().min(1);
const host = z.string().min(1).default("127.0.0.1").describe("Default 127.0.0.1: this machine only");
const tlsFiles = z.strictObject({ keyFile: path.describe("PEM, readable by its owner alone"), certFile: path.describe("PEM") });

const tcp = z.strictObject({ host, port: port.default(0).describe("0: the system chooses, and the log says which") });
const mqtt = tcp.extend({ tls: tlsFiles.optional() }).describe("A broker inside the gateway; a client's user name and password come from its key file");
const broker = z
  .strictObject({
    url: z.url({ protocol: /^mqtts?$/ }).describe("mqtt://host:port or mqtts://host:port"),
    username: z.string().min(1).optional().describe("Default: the unit's id"),
    passwordFile: path.describe("The password alone, in a file readable by its owner alone"),
    caFile: path.optional(),
  })
  .describe("Any MQTT 3.1.1 or 5 broker");

const serial = z
  .strictObject({
    path: z.string().regex(/^\//, "the whole path of a device file, as /dev/ttyUSB0").describe("Of the device file; a link in /dev/serial/by-id stays the same whatever is plugged in first"),
    baudRate: z.int().min(leastBaudRate).max(mostBaudRate).default(defaultBaudRate).describe("Bits a second, the same at both ends; eight bits, no parity, one stop bit, no flow control"),
  })
  .describe("A serial line with one unit at its other end");

const listen = z.union([z.strictObject({ tcp }), z.strictObject({ mqtt }), z.strictObject({ broker }), z.strictObject({ serial })]);

const parent = z.strictObject({
  keyFile: path.optional().describe("Of the session with it; without one the session is agreed on under the unit's credentials"),
  unit: name.optional().describe("Which of the units above, where the unit's credential names several"),
  url: z.url({ protocol: /^(tcp|mqtts?|serial)$/ }).describe("tcp://host:port, mqtt://host:port, mqtts://host:port or serial:///dev/ttyUSB0?baudRate=115200"),
  username: z.string().min(1).optional().describe("For a broker that knows users of its own; otherwise user name and password come from the key file"),
  passwordFile: path.optional(),
  caFile: path.optional(),
});

const seconds = (least: number, most: number) => z.number().min(least).max(most);

const sunspec = z.strictObject({
  device: name.describe("Id of the inverter as a unit"),
  owner: name,
  service: name.default("bridge"),
  host: z.string().min(1),
  port: port.min(1).default(502),
  unit: z.int().min(0).max(247).default(1).describe("Modbus unit id"),
  everyS: seconds(0.1, 3600).default(1).describe("Period of its readings"),
  safeLimitShare: z.number().min(0).max(100).default(50).describe("Limit in % of nominal power while a set-point has run out and none has taken its place"),
});

const voltageGuard = z.strictObject({
  stakeholder: name,
  service: name,
  devices: z.array(z.strictObject({ device: name, owner: name })).min(1).max(64),
  limitV: z.number().min(1).max(1000).default(253).describe("Voltage of phase L1 above which feed-in is reduced; 253 V is 230 V + 10 % (EN 50160)"),
  releaseV: z.number().min(1).max(1000).default(250).describe("Below this voltage the limit is raised again"),
  voltsPerPercent: z.number().min(0.001).max(100).default(0.1).describe("Volts of excess for which the limit is lowered by 1 % of nominal power"),
  leastShare: z.number().min(0).max(100).default(0).describe("A limit is not lowered below this, in %"),
  raiseShare: z.number().min(0.1).max(100).default(10).describe("A limit is raised by this much at a time, in %"),
  settleS: seconds(0, 3600).default(15).describe("How long a device may take to follow before it is looked at again"),
  holdS: seconds(0.1, 3600).default(60).describe("How long the voltage has to stay below releaseV before each step up"),
  timeToLiveS: z.int().min(3).max(86_400).default(300).describe("How long a set-point holds without being renewed"),
});

const count = (what: string) => z.int().min(1).max(1_000_000).optional().describe(what);

const limits = z.strictObject({
  maxSeries: count("Series that the unit is home of; default 1024"),
  maxPolicies: count("Policies known at once; default 256. A unit with copies knows 16 of each owner at least"),
  maxAccessStates: count("Last accesses kept for minimum delays; default 4096"),
  maxSubscriptions: count("Subscriptions of all subscribers together; default 1024"),
  maxPending: count("Requests that wait at one neighbour, and as many subscriptions besides; a service takes at most a quarter; default 1024"),
  maxRoutes: count("Units further down that are known; default 4096"),
  maxScanned: count("Samples that queries of one neighbour may look at in a second, twice as many at once; default 100000"),
});

const totals = z.strictObject({
  stakeholder: name.describe("For whom it sums; the owner of the sum"),
  service: name,
  parts: z.array(z.strictObject({ device: name, owner: name })).min(1).max(256),
  variable: name.default("activePower"),
  everyS: seconds(0.1, 86_400).default(10).describe("Period of the sum and of what it is made of"),
});

export const gatewayForm = z.strictObject({
  unit: name.describe("Id of this unit, as its key files name it"),
  store: z
    .strictObject({ folder: path, samplesPerSeries: z.int().min(1).max(1e7).optional(), engine: z.enum(["auto", "sqlite", "frames"]).default("auto") })
    .optional()
    .describe("Where time series are kept; without it in memory, and lost at the end"),
  credentials: z
    .strictObject({
      folder: path.describe("As ebalance keys made it for this unit"),
      stateFolder: path.optional().describe("What is kept over a restart; default: state in that folder"),
      protection: z.enum(["mac", "encrypt"]).optional().describe("encrypt: its sessions are encrypted; they are, too, where the other end asks for it. Default: mac"),
    })
    .optional()
    .describe("Who the unit is where it has no session key file for a neighbour"),
  listen: z.array(listen).default([]).describe("Ways in for the units below"),
  parent: parent.optional(),
  units: z.array(z.strictObject({ keyFile: path })).default([]).describe("The units below"),
  policies: z.record(name, policyText).default({}).describe("Policies by owner: each holds until the owner gives another with a value"),
  replicas: z.array(z.strictObject({ device: name, owner: name, home: name.describe("The unit that publishes the series: from it alone they are taken") })).max(1024).default([]).describe("Devices whose series are at home elsewhere, and of which copies are kept as their homes publish them"),
  publish: z.array(z.strictObject({ variable: name, device: name, owner: name })).max(1024).default([]).describe("Series that are at home here and go up, signed, to whoever keeps copies"),
  publishEveryS: seconds(1, 86_400).default(900).describe("How long an instance waits for others to be published with"),
  bridges: z.array(z.strictObject({ sunspec })).default([]),
  services: z.array(z.union([z.strictObject({ voltageGuard }), z.strictObject({ totals })])).default([]),
  limits: limits.default({}).describe("How much the unit holds at most; what is left out has its default"),
});

/**
 * Checks a configuration.
 * @param config what a YAML file or a program says: what has a default may be left out. Its JSON Schema: `ebalance schema gateway`
 * @param source its name for messages
 * @throws EbalanceError `bad-configuration` naming the place, and what would be accepted
 */
export function checkConfig(config: unknown, source = "configuration"): GatewayConfig {
  const checked = gatewayForm.safeParse(config);
  if (!checked.success) throw wrong(source, issuesOf(checked.error));
  const { data } = checked;
  for (const owner of data.bridges.map((bridge) => bridge.sunspec.owner)) if (!data.policies[owner]) throw wrong(source, `policies: none for ${owner}, who owns a bridged device; nobody else could read it`);
  data.services.forEach((service, i) => {
    if (!("voltageGuard" in service)) return;
    const { voltageGuard: guard } = service;
    if (guard.releaseV >= guard.limitV) throw wrong(source, `services.${i}.voltageGuard.releaseV: ${guard.releaseV} is not below limitV ${guard.limitV}`);
  });
  if (data.parent && !data.parent.keyFile && !data.credentials) throw wrong(source, "parent.keyFile: missing; name a session key file, or the unit's folder under credentials");
  if ((data.replicas.length || data.publish.length) && !data.credentials) throw wrong(source, "credentials: missing; replicas and publish need the unit's folder");
  data.publish.forEach(({ variable }, i) => {
    if (!(variable in standardVariables)) throw wrong(source, `publish.${i}.variable: ${variable} is not in the registry`);
  });
  if (data.units.length && !data.listen.length) throw wrong(source, "listen: there are units below, and no way in for them");
  return data;
}

/** Reads YAML (or JSON) and says where it is wrong. */
export function readYaml(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw wrong(file, `cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  const document = parseDocument(text);
  const [problem] = document.errors;
  if (problem) throw wrong(file, problem.message);
  return document.toJS({ maxAliasCount: 100 });
}

/**
 * Reads the configuration file of a gateway. Paths in it are relative to its folder.
 * @throws EbalanceError `bad-configuration`
 */
export function readConfig(file: string): GatewayConfig {
  return withPathsFrom(checkConfig(readYaml(file), file), dirname(resolve(file)));
}

/** The same with every path absolute. */
function withPathsFrom(config: GatewayConfig, folder: string): GatewayConfig {
  const from = (value: string) => resolve(folder, value);
  const absolute = <T>(value: T): T =>
    Array.isArray(value)
      ? (value.map(absolute) as T)
      : typeof value === "object" && value !== null
        ? (Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, isPath(key) ? from(inner as string) : absolute(inner as unknown)])) as T)
        : value;
  return absolute(config);
}

function isPath(key: string): boolean {
  return key === "folder" || key.endsWith("Folder") || key.endsWith("File");
}

function wrong(source: string, what: string): EbalanceError {
  return new EbalanceError("bad-configuration", "caller", `${source}: ${what}`);
}
