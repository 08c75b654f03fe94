import path from 'node:path';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';
import { inlineEverything } from './inline.ts';

const root = import.meta.dirname;

/** Builds the page into one file, dist/ui/index.html, which a broker serves at `GET /`. */
export default defineConfig({
  root,
  plugins: [svelte({ configFile: false }), inlineEverything()],
  build: {
    outDir: path.join(root, '..', 'dist', 'ui'),
    emptyOutDir: true,
    target: 'es2024',
    cssCodeSplit: false,
    // One chunk, so nothing to preload: the helper for it would only be dead weight.
    modulePreload: false,
    reportCompressedSize: false,
  },
});
