/** How much the bench of the gateway measures, and with which programs. */
export interface GatewaySize {
  /** Units that send as fast as they are let. */
  readonly connections: number;
  /** Readings of all of them in a turn. */
  readonly readings: number;
  readonly rounds: number;
  /** Units that report once a second. */
  readonly units: number;
  /** Of those, the ones that somebody subscribes to. */
  readonly watched: number;
  /** How long their load is measured. */
  readonly loadS: number;
  /** Events from which the latencies are taken. */
  readonly samples: number;
}

/** Paths of the bundles. */
export interface Programs {
  readonly gateway: string;
  readonly plain: string;
  readonly sender: string;
  readonly units: string;
}
