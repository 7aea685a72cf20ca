/** The newest 32 sequence numbers of one sender under one key: each is accepted once. */
const size = 32;

export class ReplayWindow {
  /** The highest sequence accepted so far; only this class changes it. */
  highest = 0;
  /** Bit i: sequence `highest - i` was accepted. */
  #seen = 0;

  /** Whether a sequence is new; from here on it is not. */
  accept(sequence: number): boolean {
    const behind = this.highest - sequence;
    if (behind >= size) return false;
    if (behind >= 0) {
      if ((this.#seen >>> behind) & 1) return false;
      this.#seen |= 1 << behind;
      return true;
    }
    this.#seen = behind > -size ? (this.#seen << -behind) | 1 : 1;
    this.highest = sequence;
    return true;
  }
}
