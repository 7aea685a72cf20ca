/**
 * The part of CDDL (RFC 8610) in which the wire format is written: rules, choices, maps with optional entries, arrays with occurrences, named groups, ranges, .size and .cbor. No sockets, generics, group choices or
 * other control operators: a file that uses one is refused here, so it is judged whole or not at all.
 */
export type Type =
  | { readonly is: "name"; readonly name: string }
  | { readonly is: "int"; readonly least: bigint; readonly most: bigint }
  | { readonly is: "text"; readonly text: string }
  | { readonly is: "choice"; readonly of: readonly Type[] }
  | { readonly is: "map" | "array"; readonly entries: readonly Entry[] }
  | { readonly is: "size"; readonly of: Type; readonly least: bigint; readonly most: bigint }
  | { readonly is: "cbor"; readonly content: Type };

/** An entry of a map or array. In an array a key is a label for the reader, no more. */
export interface Entry {
  readonly least: number;
  readonly most: number;
  readonly key: Type | undefined;
  readonly value: Type;
}

export interface Grammar {
  readonly types: ReadonlyMap<string, Type>;
  readonly groups: ReadonlyMap<string, readonly Entry[]>;
}

const tokenPattern = /\s+|;[^\n]*|("[^"]*")|(\d*\*\d*)|(0x[0-9a-f]+|-?\d+)|([A-Za-z_@][\w@-]*)|(\.\.\.|\.\.|=>|\.[a-z]+|[=/:?+(){}[\],])/y;

function tokensOf(source: string): string[] {
  const tokens: string[] = [];
  tokenPattern.lastIndex = 0;
  while (tokenPattern.lastIndex < source.length) {
    const at = tokenPattern.lastIndex;
    const match = tokenPattern.exec(source);
    if (!match) throw new Error(`CDDL that is not understood: ${source.slice(at, at + 40)}`);
    const token = match.slice(1).find((group) => group !== undefined);
    if (token !== undefined) tokens.push(token);
  }
  return tokens;
}

/** @param sources CDDL files, whose rules may name each other's. @throws Error for what is no CDDL or beyond the part above, a rule that is there twice and a name that is none */
export function readCddl(...sources: readonly string[]): Grammar {
  const types = new Map<string, Type>();
  const groups = new Map<string, readonly Entry[]>();
  const named = new Set<string>();
  for (const source of sources) new Parser(tokensOf(source), types, groups, named).rules();
  const unknown = [...named].filter((name) => !types.has(name) && !groups.has(name) && !prelude.includes(name));
  if (unknown.length) throw new Error(`no rule for ${unknown.join(", ")}`);
  return { types, groups };
}

/** Names of the standard prelude (RFC 8610, appendix D) that are understood. */
export const prelude: readonly string[] = ["any", "int", "uint", "nint", "bstr", "bytes", "tstr", "text", "bool", "true", "false", "null", "nil", "float"];

/** Entries with the named groups among them taken apart. */
export function withoutGroups(grammar: Grammar, entries: readonly Entry[]): readonly Entry[] {
  return entries.flatMap((entry) => {
    const group = entry.value.is === "name" && !entry.key ? grammar.groups.get(entry.value.name) : undefined;
    if (!group) return [entry];
    return entry.least === 1 && entry.most === 1 ? withoutGroups(grammar, group) : fail("a group with an occurrence is not understood");
  });
}

class Parser {
  #at = 0;

  constructor(
    private readonly tokens: readonly string[],
    private readonly types: Map<string, Type>,
    private readonly groups: Map<string, readonly Entry[]>,
    private readonly named: Set<string>,
  ) {}

  rules(): void {
    while (this.#at < this.tokens.length) {
      const name = this.#next();
      this.#expect("=");
      if (this.types.has(name) || this.groups.has(name)) throw new Error(`two rules ${name}`);
      if (this.#isGroup()) this.groups.set(name, this.#inBrackets("(", ")"));
      else this.types.set(name, this.#type());
    }
  }

  #peek(ahead = 0): string | undefined {
    return this.tokens[this.#at + ahead];
  }

  #next(): string {
    return this.tokens[this.#at++] ?? fail("the file ends within a rule");
  }

  #expect(token: string): void {
    const found = this.#next();
    if (found !== token) fail(`${found} where ${token} should be`);
  }

  #takes(token: string): boolean {
    if (this.#peek() !== token) return false;
    this.#at++;
    return true;
  }

  /** A rule in parentheses with a comma, a key or an occurrence in it is a group, else a type. */
  #isGroup(): boolean {
    if (this.#peek() !== "(") return false;
    for (let at = this.#at + 1, depth = 1; depth > 0; at++) {
      const token = this.tokens[at] ?? fail("a parenthesis is not closed");
      if (depth === 1 && /^([,:?+]|=>|\d*\*\d*)$/.test(token)) return true;
      depth += "({[".includes(token) ? 1 : ")}]".includes(token) ? -1 : 0;
    }
    return false;
  }

  #inBrackets(open: string, close: string): Entry[] {
    this.#expect(open);
    const entries: Entry[] = [];
    while (!this.#takes(close)) {
      entries.push(this.#entry());
      this.#takes(",");
    }
    return entries;
  }

  #entry(): Entry {
    const [least, most] = this.#occurrence();
    const first = this.#type();
    if (this.#takes(":")) return { least, most, key: first.is === "name" ? { is: "text", text: first.name } : first, value: this.#type() };
    if (this.#takes("=>")) return { least, most, key: first, value: this.#type() };
    return { least, most, key: undefined, value: first };
  }

  #occurrence(): [least: number, most: number] {
    if (this.#takes("?")) return [0, 1];
    if (this.#takes("+")) return [1, Infinity];
    const occurrence = /^(\d*)\*(\d*)$/.exec(this.#peek() ?? "");
    if (!occurrence) return [1, 1];
    this.#at++;
    return [Number(occurrence[1]), occurrence[2] === "" ? Infinity : Number(occurrence[2])];
  }

  #type(): Type {
    const choices = [this.#controlled()];
    while (this.#takes("/")) choices.push(this.#controlled());
    return choices.length === 1 ? choices[0]! : { is: "choice", of: choices };
  }

  #controlled(): Type {
    const type = this.#simple();
    const control = this.#peek();
    if (!control?.startsWith(".")) return type;
    this.#at++;
    const argument = this.#simple();
    if (control === ".cbor") return { is: "cbor", content: argument };
    if (control !== ".size" || argument.is !== "int") return fail(`${control} is not understood`);
    return { is: "size", of: type, least: argument.least, most: argument.most };
  }

  #simple(): Type {
    const token = this.#peek() ?? fail("the file ends within a type");
    if (token === "{") return { is: "map", entries: this.#inBrackets("{", "}") };
    if (token === "[") return { is: "array", entries: this.#inBrackets("[", "]") };
    this.#at++;
    if (token === "(") {
      const type = this.#type();
      this.#expect(")");
      return type;
    }
    if (token.startsWith('"')) return { is: "text", text: token.slice(1, -1) };
    if (/^(0x|-?\d)/.test(token)) return this.#range(BigInt(token));
    if (!/^[A-Za-z_@]/.test(token)) fail(`${token} where a type should be`);
    // Before a colon it is a label, which names nothing.
    if (this.#peek() !== ":") this.named.add(token);
    return { is: "name", name: token };
  }

  #range(least: bigint): Type {
    if (!this.#takes("..")) return { is: "int", least, most: least };
    return { is: "int", least, most: BigInt(this.#next()) };
  }
}

function fail(what: string): never {
  throw new Error(`CDDL: ${what}`);
}
