#!/usr/bin/env node
// The program `cairn`. Everything that it does before src/cli/main.ts takes over is in launch.mjs.
import { fileURLToPath } from 'node:url';
import { launch } from './launch.mjs';

await launch(fileURLToPath(new URL('..', import.meta.url)));
