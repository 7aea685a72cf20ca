/** Manifests for the Moddable SDK as its tools read them, as far as ours go: includes, modules, preloads; what is the vendor's or the chip's is named, not looked for. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { root } from "./run";

interface Creation {
  readonly static: number;
  readonly chunk: { readonly initial: number; readonly incremental: number };
  readonly heap: { readonly initial: number; readonly incremental: number };
  readonly stack: number;
}

export interface Manifest {
  readonly include?: string | readonly string[];
  readonly build?: Readonly<Record<string, string>>;
  readonly modules?: Readonly<Record<string, string | readonly string[]>>;
  readonly preload?: readonly string[];
  readonly platforms?: Readonly<Record<string, { readonly creation?: Creation; readonly error?: string }>>;
}

const list = (value: string | readonly string[] | undefined): readonly string[] => (value === undefined ? [] : typeof value === "string" ? [value] : value);

/** Everything that a project gets by including a manifest. */
export class Project {
  /** Our manifests, by path from the root of the repository. */
  readonly manifests = new Map<string, Manifest>();
  /** Manifests of the vendor. */
  readonly vendorManifests: string[] = [];
  /** Our modules: specifier to path from the root, without the ending. */
  readonly modules = new Map<string, string>();
  /** Modules of the vendor: specifier to path. */
  readonly vendorModules = new Map<string, string>();
  /** C and its headers, by path from the root. */
  readonly c: string[] = [];
  /** Folders of the chip's SDK. */
  readonly chipFolders: string[] = [];
  readonly preload: string[] = [];

  constructor(manifest: string) {
    this.#include(manifest);
  }

  #include(path: string): void {
    if (this.manifests.has(path)) return;
    const manifest = JSON.parse(readFileSync(join(root, path), "utf8")) as Manifest;
    this.manifests.set(path, manifest);
    for (const include of list(manifest.include)) {
      if (include.startsWith("$(MODDABLE)/")) this.vendorManifests.push(include);
      else this.#include(join(dirname(path), include));
    }
    for (const [specifier, sources] of Object.entries(manifest.modules ?? {})) for (const source of list(sources)) this.#add(specifier, source.replace(/^\$\((\w+)\)/, (whole, name: string) => manifest.build?.[name] ?? whole), dirname(path));
    this.preload.push(...list(manifest.preload));
  }

  #add(specifier: string, source: string, folder: string): void {
    const path = relative(root, join(root, folder, source));
    if (source.startsWith("$(MODDABLE)/")) this.vendorModules.set(specifier, source);
    else if (source.startsWith("$(IDF_PATH)/")) this.chipFolders.push(source);
    else if (/\.[ch]$/.test(source)) this.c.push(path);
    else this.modules.set(specifier === "*" ? source.replace("./", "") : specifier, path);
  }
}

/** The source of a module of ours: TypeScript, or what the build has made. @param dist folder of a build */
export function sourceOf(path: string, dist: string): string {
  const found = path.startsWith("dist/") ? `${path.replace("dist", dist)}.js` : join(root, `${path}.ts`);
  if (!existsSync(found)) throw new Error(`${path} is named in a manifest, and is not there`);
  return readFileSync(found, "utf8");
}
