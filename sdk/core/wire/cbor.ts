/**
 * Deterministic CBOR (RFC 8949, section 4.2.1), the strict subset that ebalance speaks: shortest integers and lengths, map keys sorted
 * and unique, shortest floats, no indefinite lengths, no tags inside bodies, nothing after the last item.
 *
 * These are hot modules on devices: the writer and the reader are cursors at module level, because on XS a module variable costs half of a
 * property and a buffer position costs an allocation anywhere else. So neither is re-entrant: a message is written or read in one go.
 */
export * from "./cbor-reader";
export * from "./cbor-writer";
export { Major } from "./cbor-major";
