// Two jobs: rules that find mistakes everywhere, and the portable rule for sdk/ (docs: CONTRIBUTING.md). Layout is nobody's business here.
import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

/** Core rules that find mistakes TypeScript does not. */
const mistakes = {
  eqeqeq: "error",
  "no-async-promise-executor": "error",
  "no-cond-assign": "error",
  "no-constant-binary-expression": "error",
  "no-constant-condition": "error",
  "no-control-regex": "error",
  "no-debugger": "error",
  "no-duplicate-case": "error",
  "no-dupe-else-if": "error",
  "no-empty": "error",
  "no-eval": "error",
  "no-fallthrough": "error",
  "no-implied-eval": "error",
  "no-loss-of-precision": "error",
  "no-self-assign": "error",
  "no-sparse-arrays": "error",
  "no-unreachable": "error",
  "no-unsafe-finally": "error",
  "no-unsafe-optional-chaining": "error",
  "no-useless-catch": "error",
  "no-useless-escape": "error",
  "no-useless-return": "error",
  "no-var": "error",
  "object-shorthand": "error",
  "prefer-const": "error",
  "valid-typeof": "error",
};

/** What a promise or a switch gets wrong in silence; these need types. */
const typed = {
  "@typescript-eslint/await-thenable": "error",
  "@typescript-eslint/no-floating-promises": "error",
  "@typescript-eslint/no-for-in-array": "error",
  "@typescript-eslint/no-misused-promises": "error",
  "@typescript-eslint/only-throw-error": "error",
  "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
};

/** Where the compiler (lib ES2021, no types) lets it pass or only says "cannot find name", the rule says what to do instead. */
const restrictedGlobals = {
  "is of Node: use Uint8Array, or a port": ["Buffer", "process", "global", "require", "module", "__dirname", "__filename"],
  "is of the platform: take a TimerPort": ["setTimeout", "setInterval", "setImmediate", "clearTimeout", "clearInterval", "clearImmediate", "queueMicrotask"],
  "is of the platform: take a ClockPort": ["performance"],
  "is of the platform: take a LogPort": ["console", "trace"],
  "is of the platform: take a CryptoPort": ["crypto"],
  "is of the platform: take a transport port": ["fetch", "WebSocket", "XMLHttpRequest"],
  "is of the platform: core/model/utf8 does this": ["TextEncoder", "TextDecoder"],
  "is of browsers": ["window", "document", "self", "navigator", "location", "localStorage"],
  "is newer than ES2021 or not on XS": ["structuredClone", "Intl"],
  "depends on the garbage collector, which differs between engines": ["WeakRef", "FinalizationRegistry"],
};

const portable = {
  "no-restricted-globals": [
    "error",
    {
      checkGlobalObject: true,
      globals: Object.entries(restrictedGlobals).flatMap(([why, names]) => names.map((name) => ({ name, message: `It ${why}.` }))),
    },
  ],
  "no-restricted-properties": [
    "error",
    { object: "Date", property: "now", message: "Take a ClockPort." },
    { object: "Math", property: "random", message: "Take the random source of the CryptoPort." },
    { property: "localeCompare", message: "Its order differs between engines." },
    { property: "toLocaleString", message: "Its text differs between engines." },
  ],
  "no-restricted-syntax": [
    "error",
    { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: "new Date() reads a clock: take a ClockPort." },
    { selector: "CallExpression[callee.name='Date']", message: "Date() reads a clock: take a ClockPort." },
    { selector: "ImportExpression", message: "import() is not for preloaded modules: import statically." },
    { selector: "TSImportEqualsDeclaration", message: "import = require() is of Node: import statically." },
  ],
  "no-restricted-imports": [
    "error",
    {
      patterns: [
        {
          // A list of what may be imported, so that every builtin, Moddable module and package that comes to exist is refused.
          regex: "^(?!\\.{1,2}/|@noble/(hashes|curves|ciphers)/)",
          message: "sdk/ imports only itself and the packages of @noble: declare a port and implement it under targets/.",
        },
        { regex: "(^|/)(targets|tests|examples|bench|scripts)/", message: "sdk/ knows nothing of what is built on it." },
      ],
    },
  ],
};

// Scripts run on the Node that lints them: what it has, they may use.
const nodeGlobals = Object.fromEntries(Object.getOwnPropertyNames(globalThis).map((name) => [name, "readonly"]));

export default defineConfig(
  { ignores: ["**/dist/", "**/node_modules/", "build/", "coverage/"] },
  { linterOptions: { reportUnusedDisableDirectives: "error" }, rules: mistakes },
  {
    files: ["**/*.{ts,mts}"],
    extends: [tseslint.configs.recommended],
    languageOptions: { parserOptions: { project: "./tsconfig.json", tsconfigRootDir: import.meta.dirname } },
    rules: {
      ...typed,
      // The compiler finds unused names.
      "@typescript-eslint/no-unused-vars": "off",
      // noUncheckedIndexedAccess makes every index doubtful; "!" says that it was thought about.
      "@typescript-eslint/no-non-null-assertion": "off",
    },
  },
  // A declaration file stands beside a script: no project of the compiler includes it.
  { files: ["**/*.d.mts"], extends: [tseslint.configs.disableTypeChecked] },
  { files: ["**/*.{js,mjs}"], languageOptions: { globals: nodeGlobals }, rules: { "no-undef": "error", "no-unused-vars": "error" } },
  { files: ["sdk/**/*.ts"], ignores: ["sdk/**/*.test.ts"], rules: portable },
);
