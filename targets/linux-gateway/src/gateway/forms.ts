/** Forms that the plan of a grid and the configuration of a gateway share. */
import { z } from "zod";

export const name = z.string().min(1).max(64);
export const port = z.int().min(0).max(65_535);
export const rights = z.enum(["read", "write", "read-write"]);

/** A policy as an owner writes it (SP-2). */
export const policyText = z.strictObject({
  sequence: z.int().min(1).max(0x7fffffff).describe("Rises with each change; an older one is refused"),
  entries: z
    .array(
      z.strictObject({
        rights,
        minDelayS: z.int().min(0).max(0x7fffffff).describe("Seconds between two accesses"),
        grantees: z.array(z.strictObject({ stakeholder: name, service: name })).min(1).max(16),
      }),
    )
    .max(8),
});
