// A lamp that is switched from its home, and reports nothing: all that it sends is what keeps its session.
import { openDevice } from "ebalance/device";
import { platform } from "ebalance:platform";

openDevice(platform).follow(["switchState"], ({ value }) => platform.light(value === true), (there) => platform.log("warning", there ? "home is there" : "home is gone"));
