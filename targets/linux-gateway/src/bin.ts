#!/usr/bin/env node
import { main } from "./gateway/cli";

process.exitCode = await main(process.argv.slice(2));
