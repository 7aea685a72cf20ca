/** What was acknowledged must be on disk: whoever sends acknowledgements of a unit holds them back until what the unit kept before is committed. */
export interface Durability {
  /**
   * Calls back once everything that was appended before this call is on disk (true) or could not be kept (false): at once where nothing waits, else in the order of
   * the calls.
   */
  afterCommit(action: (kept: boolean) => void): void;
}
