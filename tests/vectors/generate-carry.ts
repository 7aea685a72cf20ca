/** Prints the vector file of what travels over several hops, for today's code. README.md has the command, and says when it may be used. */
import { carryFile } from "./carry";
import { carryInputs } from "./carry-inputs";

console.log(JSON.stringify(carryFile(carryInputs), null, 2));
