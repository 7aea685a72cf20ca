/** A gateway one of whose services asks the unit's own copy of a meter's count, and its home over all hops; one of another stakeholder asks too. Arguments as of `ebalance run CONFIG --events`; it tells more. */
import type { Outcome } from "ebalance";
import { Gateway, readConfig, stderrLog } from "@ebalance/gateway";

const config = readConfig(process.argv[3]!);
const { unit: self } = config;
const tell = (event: object) => process.stdout.write(`${JSON.stringify(event)}\n`);
const gateway = await Gateway.open(config, { log: stderrLog(self), onEvent: tell });

const series = { variable: "activeEnergyImport", device: "meter", owner: "customer", function: "count" } as const;
const [copy, home, stranger] = [gateway.services("supplier", "billing"), gateway.services("supplier", "billing", "home"), gateway.services("advertiser", "billing")];
const text = ({ result, readings }: Outcome) => readings[0]?.value ?? result;

async function ask(): Promise<void> {
  const outcomes = await Promise.all([copy.query({ ...series, at: self }), home.query(series), stranger.query({ ...series, at: self })]);
  const [atCopy, atHome, toStranger] = outcomes.map(text);
  tell({ type: "asked", atCopy, atHome, toStranger });
}
const asking = setInterval(() => void ask(), 500);
process.once("SIGTERM", () => {
  clearInterval(asking);
  void gateway.close();
});
