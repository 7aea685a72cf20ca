/** A program of the bench in a process of its own, asked over the channel that Node gives parent and child. */
import { fork, type ChildProcess } from "node:child_process";

interface Question {
  readonly id: number;
  readonly name: string;
  readonly argument: unknown;
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** What a program answers to, by name. */
export type Handlers = Readonly<Record<string, (argument: never) => unknown>>;

/** In the child: answers until the parent is gone. */
export function serve(handlers: Handlers): void {
  process.once("disconnect", () => process.exit());
  process.on("message", ({ id, name, argument }: Question) => {
    const tell = (answer: Omit<Answer, "id">) => process.send?.({ id, ...answer });
    void Promise.resolve()
      .then(() => handlers[name]!(argument as never))
      .then(
        (result) => tell({ result }),
        (error: Error) => tell({ error: error.stack ?? error.message }),
      );
  });
}

/** In the parent. */
export class Program {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  readonly #ended: Promise<void>;
  #lastId = 0;

  /** @param path of the bundle */
  constructor(
    private readonly name: string,
    path: string,
  ) {
    this.#child = fork(path, [], { serialization: "advanced", stdio: ["ignore", "inherit", "inherit", "ipc"] });
    this.#child.on("message", (answer: Answer) => this.#waiting.get(answer.id)?.(answer));
    this.#ended = new Promise((resolve) =>
      this.#child.once("close", () => {
        for (const [id, answered] of this.#waiting) answered({ id, error: "it has ended" });
        resolve();
      }),
    );
  }

  /** @throws Error with what the program threw, or that it has ended */
  ask<T>(name: string, argument?: unknown): Promise<T> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ error, result }) => {
        this.#waiting.delete(id);
        if (error === undefined) resolve(result as T);
        else reject(new Error(`${this.name}: ${error}`));
      });
      if (this.#child.connected) this.#child.send({ id, name, argument } satisfies Question);
      else this.#waiting.get(id)!({ id, error: "it has ended" });
    });
  }

  /** Ends it, and waits until it has. */
  async stop(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }
}
