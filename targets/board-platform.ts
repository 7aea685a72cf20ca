// SPDX-License-Identifier: Apache-2.0
// What `ebalance:platform` is for an example on a board: all but this line is preloaded.
import { openBoard } from "ebalance/board";

export const platform = openBoard();
