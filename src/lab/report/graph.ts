import type { Picture } from '../../chart/index.ts';

/** A picture, and what its files are called. */
export type Graph = Picture & { readonly name: string };
