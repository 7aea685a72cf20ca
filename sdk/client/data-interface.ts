/**
 * The data interface (section 3) as people call it: promises for write, query and unsubscribe, an async iterator for subscriptions. Values are in
 * physical units here. Every call stands for one service of one stakeholder.
 */
import { badArgument } from "../core/model/errors";
import { conditionFromText, QueryFunction, type ConditionText, type QueryFunctionName, type SeriesKey } from "../core/model/instance";
import type { NameId } from "../core/model/names";
import { policyFromText, type PolicyText } from "../core/model/policy";
import { checkedFromPhysical, stepsOf, toPhysical, type Value } from "../core/model/registry";
import { resultName, type ResultName } from "../core/model/result";
import { minPeriodMs, type Notification } from "../core/requests/request-processor";
import type { Notify } from "../core/requests/subscriptions";
import type { SignedRequest } from "../core/statements/signed-requests";
import type { ManagementUnit } from "../core/unit";
import { maxItems, maxPeriodMs, Operation, type Item, type Source } from "../core/wire/session-body";
import { EventStream } from "./event-stream";

/** One instance of a variable, in physical units. */
export interface Reading {
  /** Name of the variable in the registry. */
  readonly variable: string;
  /** In the variable's unit of measure; for the function `count` the number of instances. */
  readonly value: Value;
  /** Unit of measure, empty where there is none and for the function `count`. */
  readonly unit: string;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly timeMs: number;
  /** Id of the unit that the instance belongs to. */
  readonly device: string;
  /** Stakeholder who owns it. */
  readonly owner: string;
  /** Content hash of the policy that the instance carries (8 bytes), where its home unit said it. */
  readonly policyHash?: Uint8Array;
}

/** What became of a request. */
export interface Outcome {
  readonly result: ResultName;
  /** The instances written or read; empty unless the result is `done`. */
  readonly readings: readonly Reading[];
  /** With `tooEarly`: milliseconds until the minimum delay has passed; otherwise 0. */
  readonly retryAfterMs: number;
}

/** A promise that carries the id of its request. */
export type Requested<T> = Promise<T> & { readonly id: number };

/** Which series is meant. */
export interface SeriesText {
  /** Name of the variable in the registry. */
  readonly variable: string;
  /** Id of the unit that the data belong to. */
  readonly device: string;
  /** Stakeholder who owns them. */
  readonly owner: string;
}

/** One instance to be written. */
export interface WriteArguments extends SeriesText {
  /** In the variable's unit of measure; rounded to the variable's resolution. */
  readonly value: Value;
  /** When it was measured; counts only where the writer is the device itself. Left out: now. */
  readonly timeMs?: number;
  /** Counts only where the stakeholder is the owner; holds from this instance on (DI-3). */
  readonly policy?: PolicyText | Uint8Array;
}

/** Where a series is looked at. */
export interface LocatedSeries extends SeriesText {
  /**
   * Id of the unit that is asked for what it has of the series itself: a sensor keeps what it measured, a unit above the home a replica. Left out: the home of the series. While that is away the result
   * is `linkLost` or `timeout`; a replica does not step in, except at the top unit from its start until the home has joined.
   */
  readonly at?: string;
}

/** What is read out of which series. */
export interface QueryArguments extends LocatedSeries {
  readonly condition?: ConditionText;
  /** Default `last`. */
  readonly function?: QueryFunctionName;
}

/** Which instances are told. */
export interface EventArguments extends LocatedSeries {
  readonly condition?: ConditionText;
}

/** What is told how often. */
export interface PeriodicArguments extends LocatedSeries {
  /** Time between two notifications in milliseconds, 100 to 2^31 - 1. */
  readonly periodMs: number;
}

/** Who calls the data interface. */
export interface ServiceText {
  readonly service: string;
  readonly stakeholder: string;
  /** A bridged device that the service speaks for, instead of this unit: its id, as it was enrolled here. */
  readonly device?: string;
  /**
   * Id of the unit that all requests go to, however many units away: signed under the delegation of the stakeholder to this unit, and what they bring proven by that unit (SP-1). Left out: requests go
   * where their series are at home, from unit to unit, each of which vouches for the one before.
   */
  readonly to?: string;
}

/**
 * What a service calls. Results come as words of the closed list in `Result`; what throws is an argument that cannot be meant. With `to` in its {@link ServiceText} requests are signed, verified by the
 * unit that is asked, and answered under its signature: `notTrusted` where the unit has no delegation for the service, or what came is not proven.
 * @example
 * const billing = new DataInterface(gateway.driver.unit, { service: "billing", stakeholder: "supplier", to: "home" });
 * const { result, readings } = await billing.query({ variable: "activePower", device: "meter", owner: "customer" });
 */
export class DataInterface {
  readonly #source: Source;
  readonly #to: string | undefined;

  /**
   * @param source the service that calls and the stakeholder it calls for
   * @param timeoutMs milliseconds without an outcome after which the result is `timeout`: 1 to 2^31 - 1, default 10,000
   * @example
   * const grid = new DataInterface(unit, { service: "billing", stakeholder: "supplier" });
   * const { result, readings } = await grid.query({ variable: "activePower", device: "meter-1", owner: "customer", function: "average" });
   */
  constructor(
    private readonly unit: ManagementUnit,
    source: ServiceText,
    private readonly timeoutMs = 10_000,
  ) {
    if (!(timeoutMs >= 1 && timeoutMs <= 0x7fffffff)) badArgument(`timeoutMs ${timeoutMs} is not from 1 to 2147483647`);
    const { names } = unit;
    this.#to = source.to;
    this.#source = { device: names.id(source.device ?? unit.id), service: names.id(source.service), stakeholder: names.id(source.stakeholder) };
  }

  /**
   * Writes one new instance (DI-2), or several at once: then all are kept or none. The outcome has the instances as they were kept, with the hashes of their policies; none
   * where every one named its policy by the hash.
   * @throws EbalanceError `bad-argument` for an unknown variable or a value outside its type or range
   */
  write(...instances: readonly WriteArguments[]): Requested<Outcome> {
    if (instances.length < 1 || instances.length > maxItems) badArgument(`${instances.length} instances, from 1 to ${maxItems} in one write`);
    const items = instances.map((instance) => this.#item(instance));
    return this.#request((notify) => this.#send({ op: Operation.write, source: this.#source, items }, notify));
  }

  /** Reads one value out of a series (DI-4). @throws EbalanceError `bad-argument` naming the argument */
  query(query: QueryArguments): Requested<Outcome> {
    const { names } = this.unit;
    const variable = this.unit.registry.named(query.variable);
    const name = query.function ?? "last";
    if (!Object.keys(QueryFunction).includes(name)) badArgument(`function ${name} is not one of ${Object.keys(QueryFunction).join(", ")}`);
    const code = QueryFunction[name];
    const request = {
      op: Operation.query,
      source: this.#source,
      selector: { variable: variable.id, device: names.id(query.device), owner: names.id(query.owner) },
      at: this.#at(query),
      condition: conditionFromText(query.condition ?? {}, (value) => stepsOf(variable, value)),
      function: code,
    } as const;
    const convert = code === QueryFunction.count ? (item: Item) => item.value : undefined;
    return this.#request((notify) => this.#send(request, notify), convert);
  }

  /**
   * Subscribes to every new instance that satisfies the condition (DI-5). The stream ends when it is closed, the policy no longer permits it, or
   * the link is lost.
   * @example
   * for await (const reading of grid.event({ variable: "voltageL1", device: "meter-1", owner: "customer", condition: { valueAbove: 253 } }))
   *   console.log(reading.value);
   */
  event(event: EventArguments): EventStream {
    const selector = this.#series(event);
    const variable = this.unit.registry.named(event.variable);
    const condition = conditionFromText(event.condition ?? {}, (value) => stepsOf(variable, value));
    return this.#subscribe({ op: Operation.event, source: this.#source, selector, at: this.#at(event), condition });
  }

  /**
   * Subscribes to the newest instance of a series at a fixed period (DI-6), beginning at once; a period in which nothing new was kept repeats the last one, with its time.
   * A service has one periodic subscription to a series: a second is refused with `alreadySubscribed`. A period below the policy's minimum delay is refused with
   * `tooEarly` and that delay.
   * @example
   * for await (const reading of display.periodic({ variable: "activePower", device: "meter-1", owner: "customer", periodMs: 60_000 })) show(reading.value);
   */
  periodic(periodic: PeriodicArguments): EventStream {
    const { periodMs } = periodic;
    if (!(Number.isInteger(periodMs) && periodMs >= minPeriodMs && periodMs <= maxPeriodMs)) badArgument(`periodMs ${periodMs} is not a whole number from ${minPeriodMs} to ${maxPeriodMs}`);
    return this.#subscribe({ op: Operation.periodic, source: this.#source, selector: this.#series(periodic), at: this.#at(periodic), periodMs });
  }

  /**
   * Puts a policy in force that the owner of the series has signed (DI-3), wherever these are at home: for what is kept from then on. `stalePolicy` where one of the same or a higher sequence is in force.
   * @param statement as `StakeholderModule.signPolicy` makes it; or of a delegate's for the service `policy`
   * @throws EbalanceError `malformed` for another statement
   * @example
   * await display.policy(customer.signPolicy({ sequence: 2, entries: [] }, "meter-1"));
   */
  policy(statement: Uint8Array): Requested<Outcome> {
    return this.#request((notify) => this.unit.handInPolicy(statement, notify, this.timeoutMs));
  }

  #send(request: SignedRequest, notify: Notify): number {
    const { unit, timeoutMs } = this;
    return this.#to === undefined ? unit.request(request, notify, timeoutMs) : unit.requestSigned(request, this.#to, notify, timeoutMs);
  }

  #subscribe(request: SignedRequest): EventStream {
    return new EventStream(
      (notify) => this.#send(request, (n) => notify(this.#outcome(n))),
      (id) => this.#request((notify) => this.unit.request({ op: Operation.unsubscribe, source: this.#source, id }, notify, this.timeoutMs)),
    );
  }

  #at({ at }: LocatedSeries): NameId | undefined {
    return at === undefined ? undefined : this.unit.names.id(at);
  }

  #series(text: SeriesText): SeriesKey {
    const { names, registry } = this.unit;
    return { variable: registry.named(text.variable).id, device: names.id(text.device), owner: names.id(text.owner) };
  }

  #item(instance: WriteArguments): Item {
    const variable = this.unit.registry.named(instance.variable);
    const value = checkedFromPhysical(variable, instance.value);
    const { policy, timeMs = 0 } = instance;
    if (!(timeMs >= 0 && timeMs <= Number.MAX_SAFE_INTEGER)) badArgument(`timeMs ${timeMs} is not a number of milliseconds since 1970`);
    return {
      ...this.#series(instance),
      value,
      timeMs,
      policy: policy === undefined || policy instanceof Uint8Array ? policy : policyFromText(policy, this.unit.names),
    };
  }

  #request(start: (notify: (notification: Notification) => void) => number, convert?: (item: Item) => Value): Requested<Outcome> {
    let id = 0;
    const promise = new Promise<Outcome>((resolve) => {
      id = start((notification) => resolve(this.#outcome(notification, convert)));
    });
    return Object.assign(promise, { id });
  }

  #outcome(notification: Notification, convert?: (item: Item) => Value): Outcome {
    const { result, instances, retryAfterMs } = notification;
    return { result: resultName(result), readings: instances.map((item) => this.#reading(item, convert)), retryAfterMs };
  }

  #reading(item: Item, convert?: (item: Item) => Value): Reading {
    const { registry, names } = this.unit;
    const variable = registry.byId(item.variable);
    return {
      variable: variable?.name ?? String(item.variable),
      value: convert ? convert(item) : variable ? toPhysical(variable, item.value) : item.value,
      unit: convert ? "" : (variable?.unit ?? ""),
      timeMs: item.timeMs,
      device: names.text(item.device),
      owner: names.text(item.owner),
      ...(item.policy instanceof Uint8Array ? { policyHash: item.policy } : {}),
    };
  }
}
